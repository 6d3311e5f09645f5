"""Counts of values among the hits: many facets in one question, and all values of one field.

Where the query chooses values of a field, its facet is counted without that choice: what else could be chosen stays
visible, with what it would find.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from apps.core.errors import ApplicationError
from apps.core.servers import document_store
from apps.httpcomms import clauses
from apps.httpcomms.requests import Search
from documents import fields
from documents.ast import And, Node, Star, Wildcard
from documents.regexps import PATTERN_LENGTH
from store.documents import Scope
from store.documents.questions import MAX_GROUPS, Answer, Ranges, Terms

#: After so long what is not counted is counted in part: facets stand beside a result that is there already.
SECONDS = 3.0
#: Hits in which tags are looked for, and the most tags that become facets.
SAMPLE, MOST_TAGS = 100, 20


@dataclass(frozen=True, slots=True)
class Counted:
    """What was counted of a field. `share`: of the documents asked about, those that were counted. `choice`: the
    query's choice of this field's values was left aside."""

    answer: Answer
    total: int
    share: float = 1.0
    choice: bool = False


def facets(
    scope: Scope, wanted: Search, questions: Sequence[Terms | Ranges], *, seconds: float | None = SECONDS
) -> list[Counted]:
    """Every question answered, in order. BadRequest for a field that cannot be counted."""
    store, span = document_store(), wanted.range
    bounds = {"since": span.since, "until": span.until}
    apart = {n: rest for n, one in enumerate(questions) if (rest := _without_choice(wanted, one.field)) is not None}
    together = [one for n, one in enumerate(questions) if n not in apart]
    found = store.facets(wanted.resource, scope, wanted.node, together, **bounds, seconds=seconds)
    answers = iter(found.answers)
    counted = []
    for n, question in enumerate(questions):
        if n in apart:
            own = store.facets(wanted.resource, scope, apart[n].node, [question], **bounds, seconds=seconds)
            counted.append(Counted(own.answers[0], own.total, own.share, choice=True))
        else:
            counted.append(Counted(next(answers), found.total, found.share))
    return counted


def _without_choice(wanted: Search, field: str) -> Search | None:
    """The search without what it chooses of a field; None where it chooses nothing."""
    rest = clauses.without_choice(wanted.q, field)
    return None if rest is None else wanted.with_query(rest)


def tag_names(scope: Scope, wanted: Search) -> list[str]:
    """The tags of the newest hits, those of most of them first."""
    page = document_store().search(
        wanted.resource, scope, wanted.node, since=wanted.range.since, until=wanted.range.until, size=SAMPLE
    )
    seen: dict[str, int] = {}
    for hit in page.hits:
        for name in (hit.get("stats") or {}).get("tags") or {}:
            seen[name] = seen.get(name, 0) + 1
    usable = [name for name in sorted(seen, key=lambda name: (-seen[name], name)) if name and name.isprintable()]
    return sorted(usable[:MOST_TAGS])


def values(scope: Scope, wanted: Search, field: str, text: str, labels: dict[str, str]) -> Counted:
    """All values of a field among the hits, or those that contain a text, whatever its case: at most MAX_GROUPS.

    `labels` are the words that the page shows instead of values: the text is looked for in these.
    """
    rest = _without_choice(wanted, field) or wanted
    span, node = wanted.range, rest.node
    inside = None if labels or not text else _contains(wanted.resource, field, text)
    if inside is not None:
        node = inside if node is None else And((node, inside))
    found = document_store().facets(
        wanted.resource, scope, node, [Terms(field, MAX_GROUPS)], since=span.since, until=span.until, seconds=SECONDS
    )
    answer = found.answers[0]
    if text:
        # Of fields that the query language cannot look into, what is listed is looked through.
        kept = [(v, n) for v, n in answer.values if text.lower() in labels.get(v, v).lower()]
        answer = Answer(kept, 0, answer.others)
    return Counted(answer, found.total, found.share, choice=rest is not wanted)


def _contains(resource: str, field: str, text: str) -> Node | None:
    """The condition that a field has the text in it; None where the language has no such condition."""
    if len(text) > PATTERN_LENGTH - 2 or "\0" in text:
        raise ApplicationError(f"Look for at most {PATTERN_LENGTH - 2} characters.", code="invalid", field="find")
    known = fields.fields(resource).get(field)
    if known is None or known.type != "keyword":
        return None
    return Wildcard(known, None, (Star.MANY, text, Star.MANY), fold=True)
