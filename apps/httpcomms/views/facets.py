"""The facets beside the result, and all values of one of them: each value is a handle (values.js)."""

import json
from dataclasses import asdict, dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from apps.httpcomms import clauses, present, selectors
from apps.httpcomms.facets import SESSION_FACETS, Arrangement, Facet, arrangement_of, facet_of
from apps.httpcomms.screen import Screen
from apps.httpcomms.selectors.facets import Counted
from apps.httpcomms.views.parts import part, read_screen
from apps.whisperers.rights import Person, scope_for, visible_whisperers

#: Values of a facet in the column, and in the list of all of them.
FEW, LISTED = 6, 300


@dataclass(frozen=True, slots=True)
class Line:
    """One value: its words, its term in the query language (None: "has none"), and what the query says of it."""

    label: str
    term: str | None
    count: int
    share: str
    mark: str
    url: str
    digit: str = ""


@part
def facets(request: HttpRequest, page: str = "search") -> HttpResponse:
    """The column."""
    state, kept = read_screen(request, page), arrangement_of(request.user)
    scope = scope_for(request.user)
    if state.search.resource == "httpcomms":
        every = kept.arranged(selectors.tag_names(scope, state.search))
        shown = [facet for facet in every if kept.is_shown(facet)]
    else:
        every, shown = [], list(SESSION_FACETS)
    counted = selectors.facets(scope, state.search, [facet.question(FEW) for facet in shown])
    labels = _labels(request.user)
    listed = [_shown(state, facet, one, labels, kept) for facet, one in zip(shown, counted, strict=True)]
    context = {
        "screen": state,
        "facets": [one for one in listed if one["lines"]],  # without hits there is nothing to say of most
        "every": [{"field": f.field, "title": f.title, "on": kept.is_shown(f), "tag": f.is_tag} for f in every],
        "kept_json": json.dumps(asdict(kept)),
        "part": _part(counted),
    }
    return render(request, "httpcomms/facets.html", context)


@part
def values(request: HttpRequest, page: str = "search") -> HttpResponse:
    """All values of one facet, found by a text, ordered by count or name."""
    state = read_screen(request, page)
    facet = facet_of(request.GET.get("field", ""), state.search.resource)
    text, by_name = request.GET.get("find", "").strip(), request.GET.get("order") == "name"
    labels = _labels(request.user).get(facet.field, {})
    found = selectors.values(scope_for(request.user), state.search, facet.field, text, labels)
    lines = _lines(state, facet, found, labels, absent=not text)
    if by_name:
        lines.sort(key=lambda line: (line.term is None, line.label.lower()))
    context = {
        "facet": facet,
        "lines": lines[:LISTED],
        "found": text,
        "left": max(len(lines) - LISTED, 0),
        "others": found.answer.others,
        "part": _part([found]),
    }
    return render(request, "httpcomms/facet_values.html", context)


def _labels(user: Person) -> dict[str, dict[str, str]]:
    """What the page says instead of values, by field."""
    return {
        "whisperer": {str(w.pk): w.name for w in visible_whisperers(user)},
        "parsing.status": dict(present.PARSING),
    }


def _part(counted: list[Counted]) -> dict[str, Any] | None:
    """What to say when not everything was counted: the smallest share, in per cent."""
    partial = [one for one in counted if one.share < 1]
    if not partial:
        return None
    least = min(partial, key=lambda one: one.share)
    return {"percent": f"{max(100 * least.share, 0.1):.2g}", "total": least.total}


def _shown(
    state: Screen, facet: Facet, counted: Counted, labels: dict[str, dict[str, str]], kept: Arrangement
) -> dict[str, Any]:
    """A facet as the template shows it."""
    lines = _lines(state, facet, counted, labels.get(facet.field, {}))
    return {
        "facet": facet,
        "lines": lines,
        "values": sum(line.term is not None for line in lines),
        "more": not facet.bounds and counted.answer.others > 0,
        "folded": facet.field in kept.folded,
        "partial": counted.share < 1,
        "chosen": any(line.mark for line in lines),
    }


def _lines(state: Screen, facet: Facet, counted: Counted, labels: dict[str, str], *, absent: bool = True) -> list[Line]:
    """What was found, then what the query names and was not found, then what has no value."""
    answer, marks = counted.answer, clauses.marks(state.search.q)
    found: list[tuple[clauses.Term, str, int]]
    if facet.bounds:
        stretches = [facet.stretch(int(number)) for number, _ in answer.values]
        found = [
            (term, words, count)
            for (term, words), (_, count) in zip(stretches, answer.values, strict=True)
            if count or (facet.field, term) in marks
        ]
    else:
        found = [(clauses.quote(value), labels.get(value, value), count) for value, count in answer.values]
    listed = {term for term, _, _ in found}
    named = [term for (field, term) in marks if field == facet.field and term is not None and term not in listed]
    if absent:
        found += [(term, labels.get(clauses.unquote(term), clauses.unquote(term)), 0) for term in named]
    mark = marks.get((facet.field, None), "")
    if absent and (answer.missing or mark):
        found.append((None, facet.absent, answer.missing))
    top = max([1, *(count for _, _, count in found)])
    return [
        Line(
            label=words,
            term=term,
            count=count,
            share=f"{100 * count / top:.1f}%",
            mark=marks.get((facet.field, term), ""),
            url=state.click_url(facet.field, term),
            digit=_digit(facet, words),
        )
        for term, words, count in found
    ]


def _digit(facet: Facet, words: str) -> str:
    """The status class whose shape stands before the value, "0" for none; empty for other fields."""
    if facet.field not in ("stats.statusClass", "stats.statusCode"):
        return ""
    return words[:1] if words[:1] in ("1", "2", "3", "4", "5") else "0"
