"""A body on the screen, in every way that its bytes allow. Each view is bounded and escapes all that it shows."""

from apps.httpcomms.bodyviews.choice import Shown, open_part, show
from apps.httpcomms.bodyviews.dumps import Dump, dump
from apps.httpcomms.bodyviews.forms import Pairs, pairs
from apps.httpcomms.bodyviews.images import Image, image
from apps.httpcomms.bodyviews.limits import MAX_HEX, MAX_TEXT
from apps.httpcomms.bodyviews.markups import markup
from apps.httpcomms.bodyviews.multipart import Part, Parts, parts
from apps.httpcomms.bodyviews.protobufs import protobuf
from apps.httpcomms.bodyviews.trees import lines, tree

__all__ = [
    "MAX_HEX",
    "MAX_TEXT",
    "Dump",
    "Image",
    "Pairs",
    "Part",
    "Parts",
    "Shown",
    "dump",
    "image",
    "lines",
    "markup",
    "open_part",
    "pairs",
    "parts",
    "protobuf",
    "show",
    "tree",
]
