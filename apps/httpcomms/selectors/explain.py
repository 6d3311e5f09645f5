"""Why a search found nothing."""

from dataclasses import dataclass
from typing import Any

from apps.core.servers import document_store
from apps.httpcomms import clauses
from apps.httpcomms.requests import Search
from documents.fields import TIME_FIELD
from documents.query import QueryError
from store.documents import Scope

#: Conditions tried one by one to explain an empty result: each costs a count.
MAX_EXPLAINED = 4


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a search found nothing: what there would be without each condition, without any, and outside the range."""

    without: list[tuple[clauses.Clause, str, int]]  # condition, query without it, documents then
    in_range: int  # documents in the range, whatever the query
    newest: dict[str, Any] | None  # the last document that fits the query, at any time
    newest_any: dict[str, Any] | None  # the last document at all


def explain(scope: Scope, wanted: Search) -> Explanation:
    """What would be found with less asked: one count for each condition, and the newest documents."""
    store, span = document_store(), wanted.range
    newest = store.search(wanted.resource, scope, wanted.node, sort="-" + TIME_FIELD, size=1).hits
    newest_any = newest or store.search(wanted.resource, scope, None, sort="-" + TIME_FIELD, size=1).hits
    return Explanation(
        without=without_each(scope, wanted),
        in_range=store.count(wanted.resource, scope, None, since=span.since, until=span.until) if wanted.q else 0,
        newest=newest[0] if newest else None,
        newest_any=newest_any[0] if newest_any else None,
    )


def without_each(scope: Scope, wanted: Search) -> list[tuple[clauses.Clause, str, int]]:
    """Each of the first conditions that alone removes everything: with the query without it, and what that finds."""
    store, span = document_store(), wanted.range
    parts = clauses.split(wanted.q)
    without = []
    for index, part in enumerate(parts[:MAX_EXPLAINED] if len(parts) > 1 else []):
        rest = clauses.join(parts[:index] + parts[index + 1 :])
        try:
            node = wanted.with_query(rest).node
        except QueryError:
            continue  # the rest of an odd query need not be one
        without.append((part, rest, store.count(wanted.resource, scope, node, since=span.since, until=span.until)))
    return [entry for entry in without if entry[2]]
