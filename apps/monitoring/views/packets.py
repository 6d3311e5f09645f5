"""The page "Where are my packets?": the sums of a time, as a picture, by the minute, and in a table that adds up."""

from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from apps.core import words
from apps.httpcomms import ranges
from apps.httpcomms.ranges import Range
from apps.monitoring import alarms, asked, explanations
from apps.monitoring.flow import flow
from apps.monitoring.selectors import Packets, Row
from apps.monitoring.views.base import frame
from apps.whisperers.models import Whisperer
from apps.whisperers.rights import rights_of, visible_whisperers
from apps.whisperers.screens.fields import label_of
from apps.whisperers.views.base import screen, whisperer_for
from documents.counters import CAPTURED, PAYLOAD, UPLOADED, Balance, parts_of
from store.documents import StoreUnavailable, TookTooLong

#: Columns of the table by what they add up to: counters (several are one column), and the column's name.
GROUPS: Final = (
    (CAPTURED, "captured is the sum of", (
        (("packets.uploaded",), "Uploaded"),
        (("packets.filtered",), "Filtered"),
        (("packets.dropped.kernel",), "Kernel"),
        (("packets.dropped.queue",), "Queue"),
        (("packets.dropped.limit", "packets.dropped.breaker"), "Limit, breaker"),
        (("packets.abandoned",), "Abandoned"),
    )),
    (UPLOADED, "uploaded is the sum of", (
        (("packets.session",), "In a session"),
        (("packets.notTcp",), "Not TCP"),
        (("packets.undecodable",), "Undecodable"),
        (("packets.quarantined",), "Set aside"),
        (("packets.late",), "Late"),
        ((), "Waiting"),
    )),
    (PAYLOAD, "payload is the sum of", (
        (("payload.bytes",), "Payload"),
        (("payload.parsed",), "Parsed"),
        (("payload.skipped.*",), "Skipped"),
        ((), "Held"),
    )),
)  # fmt: skip
#: What is drawn in red where there is some of it.
_BAD: Final = {"Kernel", "Queue", "Limit, breaker", "Abandoned", "Undecodable", "Set aside", "Late"}
PRESETS: Final = ("now-15m", "now-1h", "now-6h", "now-24h", "now-7d")


@dataclass(frozen=True, slots=True)
class Cell:
    """A figure of the table; `exact` is the number where the text is short."""

    label: str
    text: str
    exact: str = ""
    tone: str = ""
    edge: bool = False


@dataclass(frozen=True, slots=True)
class Wrong:
    """An equation that does not hold, in full: "100 uploaded = 90 in a session + …"."""

    title: str
    sentence: str
    difference: str


@require_safe
@screen
def packets_page(request: HttpRequest) -> HttpResponse:
    """The page, or what of it is refreshed."""
    whisperer = _whisperer(request)
    found = asked.packets(request.user, request.GET, whisperer)
    context = {**frame(request, "monitoring"), **_shown(request, found, whisperer)}
    template = "monitoring/packets_part.html" if request.htmx else "monitoring/packets.html"
    return render(request, template, context)


def _whisperer(request: HttpRequest) -> Whisperer | None:
    key = asked.read_whisperer(request.GET)
    return None if key is None else whisperer_for(request, key)


def _shown(request: HttpRequest, found: Packets, whisperer: Whisperer | None) -> dict[str, Any]:
    since, until = request.GET.get("from") or ranges.DEFAULT, request.GET.get("to", "")
    one = str(whisperer.pk) if whisperer else ""
    total = found.total
    return {
        "found": found,
        "whisperer": whisperer,
        "picture": flow(total.balances, sound=total.holds(UPLOADED.name)),
        "groups": [(title, len(columns)) for _, title, columns in GROUPS],
        "heads": [(name, number == 0) for *_, columns in GROUPS for number, (_, name) in enumerate(columns)],
        "rows": [_line(row, request, found.range, by_capture=whisperer is not None) for row in found.rows],
        "total": _line(total, request, found.range, by_capture=True),
        "skipped": _reasons(total, "payload.skipped.*"),
        "undecodable": _reasons(total, "undecodable.*"),
        "losses": _losses(request, total, whisperer),
        "alarms": _alarms(request, whisperer),
        "made": _made(total),
        "presets": [
            (name, _url(one, text, ""), text == since and not until)
            for text, name in ranges.PRESETS.items()
            if text in PRESETS
        ],
        "here": _url(one, since, until),
        "everything": _url("", since, until),
        "choices": _choices(request, one, since, until),
        "live": not until,
        "ends": [_moment(found.range.since), _moment(found.range.until)],
        "steps": [[start // 1_000_000, uploaded, lost] for start, uploaded, lost in found.steps],
        "interval": found.interval // 1_000_000,
        "first": (found.range.since or 0) // 1_000_000,
        "last": (found.range.until or 0) // 1_000_000,
        "sees_any": whisperer is not None or visible_whisperers(request.user).exists(),
    }  # fmt: skip


def _made(total: Row) -> list[tuple[str, int]]:
    """What the packets came in, and what was made of them."""
    names = {
        "chunks.uploaded": "Chunks accepted",
        "chunks.abandoned": "Chunks given up",
        "chunks.late": "Chunks that came late",
        "documents.tcpsessions": "TCP sessions",
        "documents.httpcomms": "HTTP communications",
    }
    return [(name, total.counters[counter]) for counter, name in names.items()]


def _url(whisperer: str, since: str, until: str) -> str:
    given = {"whisperer": whisperer, "from": since, "to": until}
    return f"{reverse('monitoring')}?{urlencode({name: value for name, value in given.items() if value})}"


def _moment(ns: int | None) -> str:
    day, time, _ = words.local(ns or 0, timezone.get_current_timezone())
    return f"{day} {time}"


#: Whisperers that the menu offers; more are found by the table.
_MOST_CHOICES: Final = 200


def _choices(request: HttpRequest, chosen: str, since: str, until: str) -> list[tuple[str, str, bool]]:
    names = visible_whisperers(request.user).order_by("name").values_list("pk", "name")[:_MOST_CHOICES]
    return [(name, _url(str(key), since, until), str(key) == chosen) for key, name in names]


def _line(row: Row, request: HttpRequest, span: Range, *, by_capture: bool) -> dict[str, Any]:
    """A row of the table with its links."""
    balances = row.balances
    cells = [Cell("Captured", f"{row.counters['packets.captured']:,}", edge=True)]
    for equation, _, columns in GROUPS:
        found, bytes_ = balances[equation.name], equation.unit == "bytes"
        for number, (names, label) in enumerate(columns):
            count = sum(parts_of(names, row.counters).values()) if names else found.rest
            wrong = not names and not row.holds(equation.name)
            cells.append(_cell(label, count, bytes_=bytes_, edge=number == 0, wrong=wrong))
    since, until = request.GET.get("from") or ranges.DEFAULT, request.GET.get("to", "")
    field = "capture" if by_capture else "whisperer"
    search = {"q": f'{field}:"{row.key}"', "from": words.rfc3339(span.since or 0), "to": words.rfc3339(span.until or 0)}
    return {
        "row": row,
        "cells": cells,
        "wrong": [_wrong(one) for name, one in balances.items() if not row.holds(name)],
        "drill": "" if by_capture else _url(row.key, since, until),
        "page": "" if by_capture or row.name == "deleted" else reverse("whisperer", args=[row.key]),
        "search": f"{reverse('search')}?{urlencode(search)}" if row.key else "",
    }


def _cell(label: str, count: int, *, bytes_: bool, edge: bool, wrong: bool) -> Cell:
    tone = "z" if not count else "t5" if wrong or label in _BAD else ""
    if not bytes_ or abs(count) < 1000:
        return Cell(label, f"{count:,}", f"{count:,} bytes" if bytes_ and count else "", tone, edge)
    sign = "−" if count < 0 else ""
    return Cell(label, f"{sign}{words.size(abs(count))}B", f"{count:,} bytes", tone, edge)


def _wrong(found: Balance) -> Wrong:
    parts = " + ".join(f"{count:,} {explanations.title(name).lower()}" for name, count in found.parts.items() if count)
    sentence = f"{found.whole:,} {explanations.title(found.equation.whole).lower()} = {parts or '0'}"
    count = abs(found.rest)
    said = f"{count:,} {found.equation.unit} {'in no account' if found.rest > 0 else 'too many'}"
    return Wrong(found.equation.title, sentence, said)


def _reasons(row: Row, family: str) -> list[tuple[str, int]]:
    parts = parts_of((family,), row.counters)
    return sorted(
        ((explanations.title(name), count) for name, count in parts.items() if count), key=lambda one: -one[1]
    )


def _losses(request: HttpRequest, total: Row, whisperer: Whisperer | None) -> list[dict[str, Any]]:
    """What was lost or left out, why, and what helps; with a way to the field that does, where it may be changed."""
    may = whisperer is not None and "configure" in rights_of(request.user, whisperer)
    found = []
    for name, account in explanations.ACCOUNTS.items():
        count = total.counters[name]
        if account.kind == "ok" or not count:
            continue
        url = ""
        if may and account.field and whisperer is not None and whisperer.mode == Whisperer.Mode.INTERFACE:
            url = f"{reverse('whisperer-capture', args=[whisperer.pk])}#f-{account.field}"
        label = label_of(account.field) if account.field else ""
        found.append({"name": name, "account": account, "count": count, "url": url, "label": label})
    return found


def _alarms(request: HttpRequest, whisperer: Whisperer | None) -> list[dict[str, Any]] | None:
    """Open alarms, whenever they were first seen; None where the store does not answer."""
    try:
        found = alarms.open_alarms(asked.scope_of(request.user, whisperer))
    except (StoreUnavailable, TookTooLong):
        return None
    names = dict(
        visible_whisperers(request.user).filter(pk__in={one.whisperer for one in found}).values_list("pk", "name")
    )
    return [
        {"alarm": one, "name": names.get(UUID(one.whisperer), "deleted"), "since": _moment(one.first)} for one in found
    ]
