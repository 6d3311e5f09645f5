"""Two communications to be compared, with their bodies."""

from collections.abc import Mapping
from datetime import tzinfo
from typing import Any

from apps.core.errors import ApplicationError
from apps.httpcomms import bodydiff, comparing, evidence
from apps.httpcomms.selectors.search import get
from store.documents import Scope


def pair(scope: Scope, ids: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The communications `a` and `b` name. ApplicationError for a missing name, and for one that cannot be seen."""
    found = []
    for name in ("a", "b"):
        id = ids.get(name, "")
        if not id:
            message = "Two communications are compared: give the id of one as a, of the other as b."
            raise ApplicationError(message, field=name)
        try:
            found.append(get(scope, id))
        except ApplicationError as error:
            raise ApplicationError(error.message, code=error.code, status_code=error.status_code, field=name) from error
    return found[0], found[1]


def comparison(
    scope: Scope,
    a: dict[str, Any],
    b: dict[str, Any],
    whisperers: Mapping[str, str],
    *,
    zone: tzinfo | None = None,
    ignore: bool = False,
) -> comparing.Comparison:
    """Everything about two communications that the caller may see; `ignore` does not count dates and ids."""
    bodies = [
        bodydiff.compare(f"{side}.body", words, _side(scope, a, side), _side(scope, b, side))
        for side, words in (("req", "Request body"), ("res", "Response body"))
    ]
    sections = comparing.sections(a, b, whisperers, zone)
    found = comparing.Comparison(sections, [one for one in bodies if one.lines])
    return found.without_moving() if ignore else found


def _side(scope: Scope, document: dict[str, Any], side: str) -> bodydiff.Side | None:
    message = document.get(side) or {}
    about = message.get("body") or {}
    if not about.get("size"):
        return None
    size = about.get("decodedSize") if about.get("decodedSize") is not None else about.get("size")
    figures = (size, about.get("sha256"), message.get("contentType") or "")
    try:
        found = evidence.body(scope, document, side)
    except ApplicationError as error:
        return bodydiff.Side(*figures, text=None, data=None, why=error.message)
    return bodydiff.Side(*figures, text=found.text, data=found.decoded.data)
