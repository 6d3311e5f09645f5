"""The keys that communications have in fields with keys of their own: header names, parameters, claims, tags."""

from collections import Counter
from dataclasses import replace
from typing import Any, Final

from apps.httpcomms.requests import Search
from apps.httpcomms.selectors.search import search
from documents.fields import Field, fields
from store.documents import Scope

#: The newest hits that are looked at: keys that only older ones have can still be named by hand.
SAMPLED: Final = 200
#: Keys that are told for one field, and characters of a key: hostile traffic can have as many as it likes.
MAX_KEYS: Final = 80
MAX_KEY: Final = 100


def sampled_keys(scope: Scope, wanted: Search) -> dict[str, list[tuple[str, int]]]:
    """Field → its keys among the newest hits, most frequent first, with the number of hits that have each."""
    newest = search(scope, replace(wanted, sort="-date", size=SAMPLED, after=None))
    found = {}
    for field in fields("httpcomms").values():
        if field.type != "flattened":
            continue
        counts = Counter(key for hit in newest.hits for key in _keys(hit, field) if key and len(key) <= MAX_KEY)
        if counts:
            found[field.name] = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:MAX_KEYS]
    return found


def _keys(document: dict[str, Any], field: Field) -> set[str]:
    """The keys that one document has in a field, which may lie in a list of objects."""
    places: list[Any] = [document]
    for part in field.path:
        steps = [one.get(part) for one in places if isinstance(one, dict)]
        places = [each for step in steps for each in (step if isinstance(step, list) else [step])]
    return {str(key) for one in places if isinstance(one, dict) for key in one}
