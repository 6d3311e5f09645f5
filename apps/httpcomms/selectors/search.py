"""Pages of communications, and one of them."""

from typing import Any

from apps.core.errors import ApplicationError
from apps.core.servers import document_store
from apps.httpcomms.requests import Search
from apps.httpcomms.selectors.base import RESOURCE
from store.documents import Page, Scope


def search(scope: Scope, wanted: Search, seconds: float | None = None) -> Page:
    """One page of communications. TookTooLong when it takes longer than so many seconds, or than anything may."""
    return document_store().search(
        wanted.resource,
        scope,
        wanted.node,
        since=wanted.range.since,
        until=wanted.range.until,
        sort=wanted.sort,
        size=wanted.size,
        after=wanted.after,
        seconds=seconds,
    )


def get(scope: Scope, id: str) -> dict[str, Any]:
    """A communication; ApplicationError 404 when it does not exist or is not the caller's to see."""
    document = document_store().get(RESOURCE, scope, id)
    if document is None:
        raise ApplicationError("There is no such communication.", code="not_found", status_code=404)
    return document
