"""Bytes of a body to text, or to nothing where it is not text.

The order is the browsers': a byte order mark, then the charset that Content-Type names, then what the format says (JSON
is UTF-8, RFC 8259 §8.1; HTML may name one in a <meta> within its first 1,024 bytes), then UTF-8 if the bytes are that,
else Latin-1, which never fails. Only charsets of the WHATWG Encoding Standard are taken: Python knows codecs that are
no charsets, and some that cost the square of their input.
"""

import codecs
import re
from functools import lru_cache

import msgspec

#: Browsers look for a <meta> charset in the first 1,024 bytes (HTML, "prescan a byte stream"); binary is sniffed there.
PRESCAN_BYTES = 1024

#: Python names of the charsets in the WHATWG Encoding Standard.
_CHARSETS = frozenset(
    "utf-8 utf-16 utf-16-le utf-16-be cp866 iso8859-2 iso8859-3 iso8859-4 iso8859-5 iso8859-6 iso8859-7 iso8859-8 "
    "iso8859-10 iso8859-13 iso8859-14 iso8859-15 iso8859-16 koi8-r koi8-u mac-roman cp874 cp1250 cp1251 cp1252 cp1253 "
    "cp1254 cp1255 cp1256 cp1257 cp1258 mac-cyrillic gbk gb18030 big5 euc_jp iso2022_jp shift_jis euc_kr cp949".split()
)
#: Labels that mean another charset on the web than their name says, or that Python does not know.
_LABELS = {
    "ascii": "cp1252", "us-ascii": "cp1252", "iso-8859-1": "cp1252", "iso8859-1": "cp1252", "latin1": "cp1252",
    "latin-1": "cp1252", "iso_8859-1": "cp1252", "l1": "cp1252", "utf16": "utf-16-le", "utf-16": "utf-16-le",
    "unicode": "utf-16-le", "gb2312": "gbk", "x-gbk": "gbk", "x-sjis": "shift_jis", "windows-31j": "shift_jis",
    "ks_c_5601-1987": "cp949", "euc-kr": "cp949", "x-x-big5": "big5", "unicode-1-1-utf-8": "utf-8",
    "macintosh": "mac-roman", "x-mac-cyrillic": "mac-cyrillic", "iso-8859-9": "cp1254", "tis-620": "cp874",
}
#: Charsets in which a run of ASCII bytes may mean something else.
_NOT_ASCII = frozenset({"utf-16", "utf-16-le", "utf-16-be", "iso2022_jp"})

_BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_MARKS = tuple(mark for mark, _ in _BOMS)
_META = re.compile(rb"<meta[^>]{0,512}?charset\s*=\s*[\"']?\s*([A-Za-z0-9_.:-]{1,40})", re.IGNORECASE)
_XML = re.compile(rb"<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([A-Za-z0-9_.:-]{1,40})[\"']")
# Bytes that no text has: C0 controls but tab, line feed, form feed, carriage return and escape.
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")
_PARAMETER = re.compile(r";\s*charset\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s;,]*))", re.IGNORECASE)

_TEXT_TYPES = frozenset(
    "application/json application/xml application/javascript application/ecmascript application/x-javascript "
    "application/x-www-form-urlencoded application/graphql application/yaml application/x-yaml application/toml "
    "application/x-ndjson application/ndjson application/sql application/ld+json application/xhtml+xml "
    "image/svg+xml message/http".split()
)
_BINARY_TYPES = frozenset(
    "application/pdf application/zip application/gzip application/x-gzip application/x-protobuf application/protobuf "
    "application/wasm application/x-tar application/java-archive application/msgpack application/x-msgpack "
    "application/vnd.google.protobuf application/cbor".split()
)


class ContentType(msgspec.Struct, frozen=True, gc=False):
    """A Content-Type taken apart: media type in lower case, Python name of a known charset or "", and what the type
    says about its content: "text", "json", "html", "xml", "binary" or "" (nothing)."""

    media: str
    charset: str
    kind: str


#: Of a message that does not say.
NO_TYPE = ContentType("", "", "")


@lru_cache(4096)
def content_type(value: str) -> ContentType:
    """Take a Content-Type field value apart (RFC 9110 §8.3); odd ones give what can be read."""
    media = value.partition(";")[0].partition(",")[0].strip().lower()
    match = _PARAMETER.search(value)
    label = next((group for group in match.groups() if group), "") if match else ""
    return ContentType(media, charset(label), _kind(media))


@lru_cache(1024)
def charset(label: str) -> str:
    """The Python codec of a charset label; "" for one that the web does not know."""
    name = label.strip().strip("\"'").lower()
    if not name or len(name) > 40:
        return ""
    name = _LABELS.get(name, name)
    try:
        name = codecs.lookup(name).name
    except (LookupError, ValueError):  # ValueError: an embedded null character
        return ""
    return name if name in _CHARSETS else ""


def _kind(media: str) -> str:
    if media.endswith("json"):
        return "json"
    if media in ("text/html", "application/xhtml+xml"):
        return "html"
    if media.endswith("xml"):
        return "xml"
    if media.startswith("text/") or media in _TEXT_TYPES:
        return "text"
    if media.startswith(("image/", "audio/", "video/", "font/")) or media in _BINARY_TYPES:
        return "binary"
    return ""


def text(data: bytes, content_type_value: str = "", cut: bool = False) -> str | None:
    """A decoded body as text; None if it is binary.

    `cut` says that `data` is only the beginning: a character cut in two at its end is then left out. Bytes that the
    charset does not allow become U+FFFD.
    """
    return text_of(data, content_type(content_type_value), cut)


def text_of(data: bytes, of: ContentType, cut: bool = False) -> str | None:
    """`text` where the Content-Type was taken apart before."""
    declared, kind = of.charset, of.kind
    if data.isascii() and declared not in _NOT_ASCII:
        return None if _binary(data, kind) else data.decode("ascii")
    if data.startswith(_MARKS):
        mark, name = next(found for found in _BOMS if data.startswith(found[0]))
        return _decode(data[len(mark) :], name, cut)
    if declared in _NOT_ASCII:
        return _decode(data, declared, cut)
    if _binary(data, kind):
        return None
    name = declared or _named_inside(data[:PRESCAN_BYTES], kind)
    return _decode(data, name, cut) if name else _guess(data, cut)


def _binary(data: bytes, kind: str) -> bool:
    """Whether the type or the first bytes say so: in what claims to be text only a zero byte counts."""
    if kind == "":
        return _CONTROL.search(data, 0, PRESCAN_BYTES) is not None
    return kind == "binary" or data.find(0, 0, PRESCAN_BYTES) >= 0


def _named_inside(head: bytes, kind: str) -> str:
    """The charset that the content itself names."""
    if kind == "json":
        return "utf-8"
    match = _META.search(head) if kind == "html" else _XML.match(head) if kind == "xml" else None
    if match is None:
        return ""
    name = charset(match.group(1).decode("ascii"))
    # The tag was readable as ASCII, so it cannot be UTF-16 (HTML, "prescan a byte stream": use UTF-8 instead).
    return "utf-8" if name.startswith("utf-16") else name


def _decode(data: bytes, name: str, cut: bool) -> str:
    return codecs.getincrementaldecoder(name)("replace").decode(data, not cut)


def _guess(data: bytes, cut: bool) -> str:
    try:
        return codecs.utf_8_decode(data, "strict", not cut)[0]
    except UnicodeDecodeError:
        return data.decode("latin-1")
