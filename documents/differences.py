"""Which fields of two versions of a document differ: what reprocessing tells of its work."""

from collections.abc import Mapping
from typing import Any, Final

from documents.fields import FIELDS

#: Differ between any two versions, and say nothing of the traffic.
_OF_THE_WRITING: Final = frozenset({"version", "parserVersion"})


def changed_fields(resource: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Names of the fields that differ, in the order of the field table; a field of the list `res.interim` is compared
    with all of the list."""
    if _told(old) == _told(new):
        return []
    return [
        name
        for name, field in FIELDS[resource].items()
        if name not in _OF_THE_WRITING and _value(old, field.path) != _value(new, field.path)
    ]


def _told(document: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name not in _OF_THE_WRITING}


def _value(document: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    found: Any = document
    for key in path:
        if isinstance(found, list):
            return [_value(one, (key,)) for one in found]
        found = found.get(key) if isinstance(found, Mapping) else None
    return found
