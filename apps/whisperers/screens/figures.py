"""The figures of the status page, each with its unit, a line of words and the points of a small chart."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from apps.core import words
from apps.core.servers import document_store
from apps.whisperers.models import Whisperer
from apps.whisperers.screens.fields import LABELS
from apps.whisperers.screens.history import STEPS, History, Points
from apps.whisperers.screens.states import Agent, ago
from apps.whisperers.selectors import capture_of, together
from store.documents import StoreUnavailable

#: How far back the charts go, by the word in the address.
SPANS = {
    "15m": ("15 min", timedelta(minutes=15)),
    "1h": ("1 h", timedelta(hours=1)),
    "6h": ("6 h", timedelta(hours=6)),
    "24h": ("24 h", timedelta(hours=24)),
}
SPAN = "1h"
TERA = 1 << 40
#: What may be lost, with where.
LOSSES = {
    "dropped_kernel": ("Dropped by kernel", "the ring of the kernel was full", "ring"),
    "dropped_queue": ("Dropped by queue", "more packets came than could be sent", "queue"),
    "dropped_limit": ("Dropped by limit", "above the rate limit", "rate_limit"),
    "dropped_breaker": ("Dropped by breaker", "capture was paused to spare the processor", "cpu_limit"),
}


@dataclass(frozen=True, slots=True)
class Tile:
    """One figure. `unit` also says how the chart's values are told: bytes, bytes/s, %, ms or a plain count."""

    key: str
    title: str
    value: str
    unit: str
    words: str
    points: Points = field(default_factory=list)
    kind: str = "count"
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Share:
    """A part of the packets an agent saw, with its share in per cent."""

    title: str
    count: int
    share: float
    kind: str


def tiles(whisperer: Whisperer, agents: list[Agent], past: History, span: str, now: datetime) -> list[Tile]:
    """Every figure that agents tell, in the order of the page."""
    visible = [one for one in agents if one.is_visible]
    if not visible:
        return []
    said = together([one.instance.figures for one in visible])
    config = capture_of(whisperer).values
    return [
        _speed(said, past),
        _cpu(said, past, len(visible), int(config["cpu_limit"])),
        _memory(said, past, len(visible)),
        _uploaded(said, past, span),
        _started(said, now),
        _captured(said, past, span),
        _filtered(said, past, str(config["filter"])),
        _sessions(whisperer, past, span),
        *(_dropped(name, said, past, span) for name in LOSSES),
        _calls(said, past, span),
        _answers(said, past),
        _failed(said, past, span),
        _waiting(said, past),
    ]


def _speed(said: Mapping[str, float], past: History) -> Tile:
    value, unit = _size(said.get("bytes_second", 0))
    # The last step is not over: the one before tells the pace.
    known = [one for one in past.lines["packets_captured"] if one is not None][-2:]
    rate = (known[0] if known else 0) / past.step.total_seconds()
    words_ = f"{_count(rate)} packets/s"
    return Tile("speed", "Speed of capture", value, f"{unit}/s", words_, past.lines["bytes_second"], "rate")


def _cpu(said: Mapping[str, float], past: History, agents: int, limit: int) -> Tile:
    value = said.get("cpu", 0) / max(agents, 1)
    mean = [None if one is None else one / max(agents, 1) for one in past.lines["cpu"]]
    limited = f"limit {limit} %" if limit else "no limit"
    return Tile("cpu", "CPU, average", f"{value:.1f}", "%", f"since the last update, {limited}", mean, "percent")


def _memory(said: Mapping[str, float], past: History, agents: int) -> Tile:
    value, unit = _size(said.get("memory", 0))
    told = "one agent" if agents == 1 else f"{agents} agents together"
    return Tile("memory", "Memory now", value, unit, told, past.lines["memory"], "bytes")


def _uploaded(said: Mapping[str, float], past: History, span: str) -> Tile:
    value, unit = _size(said.get("bytes_total", 0))
    more = " ".join(_size(past.gained["bytes_total"]))
    return Tile(
        "uploaded", "Uploaded", value, unit, f"since start, {more} in {SPANS[span][0]}", past.lines["bytes_total"],
        "bytes",
    )  # fmt: skip


def _started(said: Mapping[str, float], now: datetime) -> Tile:
    at = said.get("started")
    if not at:
        return Tile("started", "Capture started", "–", "", "no capture yet")
    began = datetime.fromtimestamp(at, tz=UTC)
    day, time, _ = words.local(int(at) * words.SECOND, now.tzinfo or UTC)
    today = words.local(int(now.timestamp()) * words.SECOND, now.tzinfo or UTC)[0]
    shown = time[:5] if day == today else f"{day[5:]} {time[:5]}"
    return Tile("started", "Capture started", shown, "", f"runs for {ago(now - began)}")


def _captured(said: Mapping[str, float], past: History, span: str) -> Tile:
    value, more = said.get("packets_captured", 0), past.gained["packets_captured"]
    return Tile(
        "captured", "Packets captured", _count(value), "", f"{_count(more)} in {SPANS[span][0]}",
        past.lines["packets_captured"],
    )  # fmt: skip


def _filtered(said: Mapping[str, float], past: History, expression: str) -> Tile:
    value = said.get("packets_filtered", 0)
    share = 100 * value / max(value + said.get("packets_captured", 0), 1)
    told = f"{share:.1f} % · {expression}" if expression else f"{share:.1f} %, no filter set"
    return Tile("filtered", "Filtered", _count(value), "", told, past.lines["packets_filtered"])


def _dropped(name: str, said: Mapping[str, float], past: History, span: str) -> Tile:
    title, why, _ = LOSSES[name]
    value, more = said.get(name, 0), past.gained[name]
    told = f"{_count(more)} in {SPANS[span][0]}: {why}" if more else f"none in {SPANS[span][0]}"
    return Tile(name, title, _count(value), "", told, past.lines[name], tone="bad" if more else "")


def _calls(said: Mapping[str, float], past: History, span: str) -> Tile:
    more = past.gained["calls"]
    told = f"{_count(more)} in {SPANS[span][0]}"
    return Tile("calls", "API calls", _count(said.get("calls", 0)), "", told, past.lines["calls"])


def _answers(said: Mapping[str, float], past: History) -> Tile:
    if "call_average_ms" not in said:
        return Tile("answers", "API answers in", "–", "", "no call lately", past.lines["call_average_ms"], "ms")
    value, unit = words.duration(said["call_average_ms"]).rsplit(" ", 1)
    p90 = words.duration(said.get("call_p90_ms", 0))
    return Tile("answers", "API answers in", value, unit, f"on average, p90 {p90}", past.lines["call_average_ms"], "ms")


def _failed(said: Mapping[str, float], past: History, span: str) -> Tile:
    more = past.gained["calls_failed"]
    told = f"{_count(more)} in {SPANS[span][0]}, sent again" if more else f"none in {SPANS[span][0]}"
    value = _count(said.get("calls_failed", 0))
    return Tile("failed", "API errors", value, "", told, past.lines["calls_failed"], tone="warn" if more else "")


def _sessions(whisperer: Whisperer, past: History, span: str) -> Tile:
    """TCP sessions that were read and stored in the time of the charts; they are counted by the document store."""
    since, step = int(past.since.timestamp() * 1e9), int(past.step.total_seconds() * 1e9)
    since -= since % step  # steps of the store begin with the epoch
    line: Points = [0.0] * STEPS
    try:
        found = document_store().histogram(
            "tcpsessions", frozenset([str(whisperer.pk)]), None, since=since, until=since + step * STEPS, interval=step
        )
    except StoreUnavailable:
        return Tile("sessions", "Sessions", "–", "", "the document store does not answer")
    for bucket in found:
        line[min(max((bucket.start - since) // step, 0), STEPS - 1)] = float(bucket.total)
    count = sum(one or 0 for one in line)
    return Tile("sessions", "Sessions", _count(count), "", f"stored, of the last {SPANS[span][0]} of traffic", line)


def _waiting(said: Mapping[str, float], past: History) -> Tile:
    spool = said.get("spool_bytes", 0)
    told = f"{' '.join(_size(spool))} of them on disk" if spool else "none on disk"
    return Tile("waiting", "Chunks waiting", _count(said.get("chunks_waiting", 0)), "", told,
                past.lines["chunks_waiting"])  # fmt: skip


def shares(past: History) -> list[Share]:
    """Where the packets went that agents saw in the time of the charts: the parts add up to what was seen."""
    parts = {
        "packets_captured": ("Captured", "ok"),
        "packets_filtered": ("Filtered", "info"),
        **{name: (title, "bad") for name, (title, _, _) in LOSSES.items()},
    }
    seen = sum(past.gained[name] for name in parts)
    return [
        Share(title, round(past.gained[name]), 100 * past.gained[name] / seen if seen else 0.0, kind)
        for name, (title, kind) in parts.items()
    ]


def losses(past: History) -> list[dict[str, Any]]:
    """What was lost in the time of the charts, with the field that helps."""
    return [
        {"title": title, "count": round(past.gained[name]), "why": why, "field": helps, "label": LABELS[helps]}
        for name, (title, why, helps) in LOSSES.items()
        if past.gained[name]
    ]


def _count(value: float) -> str:
    """A number as people read it: whole below a million, then three figures and a unit."""
    for size, unit in ((1e12, "T"), (1e9, "G"), (1e6, "M")):
        if value >= size:
            return f"{value / size:.2f} {unit}"
    return f"{value:,.0f}"


def _size(value: float) -> tuple[str, str]:
    """Bytes as a number and its unit."""
    if value >= TERA:
        return f"{value / TERA:.2f}", "TB"
    number, _, unit = words.size(int(value)).partition(" ")
    return number, f"{unit}B" if unit else "B"
