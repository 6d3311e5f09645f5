"""The grid: communications as rows of the columns that were chosen, page after page; and the dialog to choose them."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from apps.core.errors import TOOK_TOO_LONG, ApplicationError, store_words
from apps.httpcomms import cells, choices, columns, lossrows, requests, selectors
from apps.httpcomms.cells import Row
from apps.httpcomms.columns import Column
from apps.httpcomms.lossrows import Window
from apps.httpcomms.preferences import KNOWN, preference
from apps.httpcomms.ranges import Range
from apps.httpcomms.screen import Screen
from apps.httpcomms.selectors import Loss, Slices
from apps.httpcomms.views.parts import Found, part, read_screen
from apps.httpcomms.views.searched import shown as shown_progress
from apps.whisperers.rights import scope_for, visible_whisperers
from documents.fields import TIME_FIELD
from documents.query import QueryError
from store.documents import BadCursor, BadRequest, Page, StoreUnavailable, TookTooLong

ROWS = 100
#: The preference that keeps a person's columns.
PREFERENCE = "columns"
#: A date beside the time needs so many pixels more.
DAY_WIDTH = 38
KNOWN[PREFERENCE] = columns.check


def result(request: HttpRequest, state: Screen) -> dict[str, Any]:
    """The first page of rows; where there is none, why."""
    shown = chosen(request, state)
    scope = scope_for(request.user)
    started = time.perf_counter()
    answer = selectors.begin(scope, sized(state), state.now)
    page = answer.page if isinstance(answer, Slices) else answer
    took = (time.perf_counter() - started) * 1000
    found = Found(page.total, page.at_least, took)
    context = _rows(request, state, shown, page) | {"found": found, "columns": shown, "heads": _heads(state, shown)}
    context["columns_text"] = "" if columns.write(shown) == columns.write(columns.usual()) else columns.write(shown)
    context["lines"] = _with_losses(request, state, context["rows"], page, None)
    context["sort_words"] = _sort_words(state)
    if isinstance(answer, Slices) and not answer.reached.whole_range:
        context |= shown_progress(state, answer.reached)
    elif not page.hits:
        try:
            context["why"] = selectors.explain(scope, state.search)
        except TookTooLong:
            context["why_late"] = True
        context["sees_nothing"] = scope == frozenset()
    return context


@require_safe
def rows(request: HttpRequest) -> HttpResponse:
    """The next rows of the grid; a failure is a row too, with a way to try again."""
    try:
        state = read_screen(request)
        shown = chosen(request, state)
        before = requests.whole_number(request.GET, "before", 0, 0, 999_999_999)
        seen = _seen(request.GET.get("seen", ""))
        page = selectors.search(scope_for(request.user), sized(state, request.GET.get("after")))
        context = _rows(request, state, shown, page, before)
        context["lines"] = _with_losses(request, state, context["rows"], page, seen)
    except (QueryError, ApplicationError, BadRequest, BadCursor, StoreUnavailable, TookTooLong) as error:
        text = store_words(error) if isinstance(error, StoreUnavailable) else str(error)
        text = TOOK_TOO_LONG if isinstance(error, TookTooLong) else text
        context = {"text": text, "again": request.get_full_path()}
        return render(request, "httpcomms/rows_failed.html", context)
    return render(request, "httpcomms/rows.html", context)


@part
def choose(request: HttpRequest) -> HttpResponse:
    """The dialog to choose columns: what is shown now, every field, and keys that the newest hits have."""
    state = read_screen(request)
    try:
        shown = chosen(request, state)
    except ApplicationError:
        shown = columns.usual()  # what cannot be read is mended here
    keys = selectors.sampled_keys(scope_for(request.user), state.search)
    context = {
        "screen": state,
        "shown": shown,
        "groups": choices.groups(keys, {one.name for one in shown}),
        "usual": columns.write(columns.usual()),
        "sampled": selectors.SAMPLED,
        "keyed": [field.name for field in columns.keyed_fields()],
        "most": columns.MAX_COLUMNS,
    }
    return render(request, "httpcomms/columns.html", context)


def chosen(request: HttpRequest, state: Screen) -> tuple[Column, ...]:
    """The columns of the address, else of the person, else the usual ones. ApplicationError for a bad address."""
    asked = state.options.get("columns", "")
    if asked:
        return columns.read(asked)
    try:
        return columns.read(preference(request.user, PREFERENCE, ""))
    except ApplicationError:
        return columns.usual()  # kept before a field went away


def _heads(state: Screen, shown: tuple[Column, ...]) -> list[dict[str, Any]]:
    """The columns with what their heads say: the order they have or would give, or why they give none."""
    sort, days = state.search.sort, DAY_WIDTH if state.many_days else 0
    heads, growing = [], _growing(shown)
    for number, one in enumerate(shown, 2):
        order = ""
        if one.sort and sort.removeprefix("-") == one.sort:
            order = "descending" if sort.startswith("-") else "ascending"
        dated = days if one.kind in ("time", "date") and not one.resized else 0
        heads.append(
            {
                "column": one,
                "number": number,
                "order": order,
                "url": state.sorted_url(one.sort) if one.sort else "",
                "width": one.width + dated,
                "fixed": one is not growing,
                "narrow": (one.narrow or one.width) + dated,
            }
        )
    return heads


def _growing(shown: tuple[Column, ...]) -> Column | None:
    """The column that takes what the others leave where none does by itself: the widest that nobody resized."""
    if any(one.width == columns.FLEXIBLE for one in shown):
        return None
    return max((one for one in shown if one.grows and not one.resized), key=lambda one: one.width, default=None)


def _sort_words(state: Screen) -> str:
    """The order in words, where no head may show it."""
    name = state.search.sort.removeprefix("-")
    known = columns.column(name)
    return f"{known.words if known else name}, {'downwards' if state.search.sort.startswith('-') else 'upwards'}"


def _rows(
    request: HttpRequest, state: Screen, shown: tuple[Column, ...], page: Page, before: int = 0
) -> dict[str, Any]:
    """What the rows' template needs. `before` is how many rows come before this page."""
    names = {str(one.pk): one.name for one in visible_whisperers(request.user)}
    around = cells.Surroundings(timezone.get_current_timezone(), state.many_days, names)
    made = [cells.row(hit, shown, around, before + n) for n, hit in enumerate(page.hits, 1)]
    return {
        "screen": state,
        "page": page,
        "rows": made,
        "lines": [((), row) for row in made],
        "before": before,
        "span": len(shown) + 1,
        "more_url": _more_url(state, shown, page, made, before) if page.after else "",
    }


def _with_losses(
    request: HttpRequest, state: Screen, rows: list[Row], page: Page, seen: int | None
) -> Sequence[tuple[Sequence[dict[str, Any]], Row | None]]:
    """The rows with what was lost between them, if they are ordered by date. `seen` is the date of the row before."""
    sort, span = state.search.sort, state.search.range
    if sort.removeprefix("-") != TIME_FIELD or not rows:
        return [((), row) for row in rows]
    down = sort.startswith("-")
    outer = (span.until, span.since) if down else (span.since, span.until)
    window = Window(seen if seen is not None else outer[0], rows[-1].at if page.after else outer[1], down)
    low = window.low if window.low is not None else min(row.at for row in rows)
    high = window.high if window.high is not None else state.now
    around = Range(max(low - lossrows.AROUND, 0), high + lossrows.AROUND)
    scope = scope_for(request.user)
    names = {str(one.pk): one.name for one in visible_whisperers(request.user)}
    lines = lossrows.place(rows, selectors.losses(scope, around), window)
    return [([_told(one, names) for one in losses], row) for losses, row in lines]


def _told(loss: Loss, names: Mapping[str, str]) -> dict[str, Any]:
    """A loss as its row says it."""
    about = {"span": loss.last - loss.first, "words": loss.words, "id": loss.whisperer}
    return about | {"whisperer": names.get(loss.whisperer, loss.whisperer), "known": loss.whisperer in names}


def _seen(text: str) -> int | None:
    """The date of the row before a page, as the page before wrote it."""
    if not text:
        return None
    if not (text.isascii() and text.isdigit()) or len(text) > 19:
        raise ApplicationError("Give nanoseconds since the epoch.", code="invalid", field="seen")
    return int(text)


def _more_url(state: Screen, shown: tuple[Column, ...], page: Page, rows: list[Row], before: int) -> str:
    """Where the next rows are. The columns are always named: another tab may change what the person keeps."""
    more = {"columns": columns.write(shown), "before": str(before + len(rows)), "after": page.after or ""}
    if rows:
        more["seen"] = str(rows[-1].at)
    return f"{reverse('search-rows')}?{urlencode(state.parameters(open=None, tab=None) | more)}"


def more_rows(request: HttpRequest, state: Screen, page: Page, before: int) -> dict[str, Any]:
    """The context of rows that come after `before` others."""
    context = _rows(request, state, chosen(request, state), page, before)
    # Losses are left out: only the whole of a search knows between which rows they are.
    return context | {"lines": [((), row) for row in context["rows"]]}


def sized(state: Screen, after: str | None = None) -> requests.Search:
    """The search for a page of rows."""
    return replace(state.search, size=ROWS, after=after)


def drawn(request: HttpRequest, state: Screen, page: Page) -> str:
    """Documents as rows of the person's columns, for whoever adds them to a grid that is shown."""
    context = _rows(request, state, chosen(request, state), page)
    return render(request, "httpcomms/rows.html", context).content.decode()
