"""An export before it begins: what is asked for, how much it is, what is left out and why; then the export itself.

Both answer from the same plan, so the dialog promises what the download does. Limits come from the settings: an export
that meets one is cut there, and says so in its name, its headers and its last words.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from django.conf import settings
from django.utils import timezone

from apps.core import words
from apps.core.errors import ApplicationError
from apps.httpcomms import requests
from apps.httpcomms.exports import as_csv
from apps.httpcomms.exports.base import About, Format, Job, Json, Tally
from apps.httpcomms.exports.reading import Bodies, Packets
from apps.httpcomms.exports.registry import FORMATS
from apps.httpcomms.ranges import Range
from apps.httpcomms.selectors import export as reads
from apps.whisperers.rights import Person, scope_for, visible_whisperers
from store.documents import Scope

#: Communications that may be chosen by their ids.
MAX_IDS = 5000
#: Of the earliest and of the latest, to tell from them how large all are.
SAMPLE = 25
NO_RIGHT = "their packets need the right 'packets'"
_ID = re.compile(r"[A-Za-z0-9._-]{1,200}")
#: A link, IP and TCP header, and what pcapng adds to each packet with its comment.
_PACKET_BYTES, _SEGMENT = 66 + 100, 1400


@dataclass(frozen=True, slots=True)
class Plan:
    """What was asked for, read and allowed."""

    format: Format
    wanted: requests.Search
    ids: tuple[str, ...]
    scope: Scope
    limit: int
    columns: tuple[str, ...]
    bom: bool
    trailer: bool
    about: About


@dataclass(frozen=True, slots=True)
class Preview:
    """How much an export is, and what is left out of it, in words."""

    found: int
    written: int
    bytes: int
    left_out: list[str]

    @property
    def cut(self) -> bool:
        return self.written < self.found


def read(user: Person, parameters: Mapping[str, str]) -> Plan:
    """The export that parameters ask for. Raises QueryError and ApplicationError (with the parameter's name)."""
    format = FORMATS.get(parameters.get("format", ""))
    if format is None:
        raise ApplicationError(f"Choose a format: {', '.join(FORMATS)}.", code="invalid", field="format")
    ids = _ids(parameters.get("ids", ""))
    asked = {} if ids else {name: parameters[name] for name in ("q", "from", "to") if name in parameters}
    wanted = requests.read(asked, timezone.get_current_timezone())
    made = requests.now()
    if not ids:
        wanted = replace(wanted, range=Range(wanted.range.since, wanted.range.until or made))
    scope = scope_for(user)
    if format.packets:
        scope = reads.both(scope, scope_for(user, "packets"))
    most = limit_of(format)
    return Plan(
        format=format,
        wanted=wanted,
        ids=ids,
        scope=scope,
        limit=requests.whole_number(parameters, "limit", most, 1, most),
        columns=as_csv.read_columns(parameters.get("columns", "")),
        bom=_yes(parameters, "bom", default=False),
        trailer=_yes(parameters, "trailer", default=True),
        about=About(
            wanted.q,
            words.rfc3339(wanted.range.since) if wanted.range.since is not None else "",
            words.rfc3339(wanted.range.until or made),
            words.rfc3339(made // words.SECOND * words.SECOND),
            len(ids),
        ),
    )


def limit_of(format: Format) -> int:
    """How many communications a format takes."""
    return int(settings.EXPORT_LIMITS[format.kind])


def _ids(text: str) -> tuple[str, ...]:
    ids = tuple(dict.fromkeys(id.strip() for id in text.split(",") if id.strip()))
    if len(ids) > MAX_IDS:
        message = f"Choose at most {MAX_IDS:,} communications, or use a query."
        raise ApplicationError(message, code="invalid", field="ids")
    if not all(_ID.fullmatch(id) for id in ids):
        raise ApplicationError("These are no ids of communications.", code="invalid", field="ids")
    return ids


def _yes(parameters: Mapping[str, str], name: str, *, default: bool) -> bool:
    given = parameters.get(name, "")
    if given not in ("", "yes", "no"):
        raise ApplicationError("Say yes or no.", code="invalid", field=name)
    return given == "yes" if given else default


def found(plan: Plan) -> int:
    """How many communications there are to export. Raises what a search raises, before a byte is sent."""
    return reads.count(plan.scope, plan.wanted, plan.ids)


def preview(user: Person, plan: Plan) -> Preview:
    """How many and about how many bytes, and what will be missing and why."""
    total = found(plan)
    written = min(total, plan.limit)
    examples = reads.some(plan.scope, plan.wanted, plan.ids, SAMPLE)
    left_out = [*_without_right(user, plan), *plan.format.notes]
    if written < total:
        left_out.insert(0, f"{total - written:,} of {total:,}: {plan.format.words} takes the first {plan.limit:,}.")
    size = _average(plan, examples) * written if examples else 0
    most = settings.EXPORT_BYTES
    if size > most:
        left_out.insert(0, f"It ends at {words.volume(most)}, the limit of one file.")
    return Preview(total, written, min(int(size), most), left_out)


def without_right(user: Person, plan: Plan) -> int:
    """How many communications the person may search, but not read the packets of."""
    return reads.count(scope_for(user), plan.wanted, plan.ids) - found(plan) if plan.format.packets else 0


def _without_right(user: Person, plan: Plan) -> Iterator[str]:
    """Of packets: which whisperers' are not the person's to read, and how many communications that is."""
    missing = without_right(user, plan)
    if missing:
        allowed = set(visible_whisperers(user, "packets").values_list("pk", flat=True))
        names = [w.name for w in visible_whisperers(user, "search") if w.pk not in allowed]
        shown = ", ".join(names[:5]) + (" and others" if len(names) > 5 else "")
        yield f"{missing:,} communications: ask for the right 'packets' on {shown}."


def _average(plan: Plan, examples: list[Json]) -> float:
    """Bytes of a communication in this format."""
    if plan.format.packets:
        return sum(map(_packet_bytes, examples)) / len(examples)
    job = _job(plan)
    size = sum(map(len, plan.format.write(examples, job)))
    if plan.format.bodies:
        size += sum(map(_body_bytes, examples))
    return size / len(examples)


def _packet_bytes(document: Json) -> int:
    size = sum((document.get(side) or {}).get("size") or 0 for side in ("req", "res"))
    return size + (4 + 2 * size // _SEGMENT) * _PACKET_BYTES


def _body_bytes(document: Json) -> int:
    """What whole bodies add to the beginnings that a document holds."""
    total = 0
    for side in ("req", "res"):
        about = (document.get(side) or {}).get("body") or {}
        if not about.get("leftOut"):
            total += max((about.get("decodedSize") or about.get("size") or 0) - len(about.get("text") or ""), 0)
    return total


def _job(plan: Plan) -> Job:
    return Job(plan.about, Tally(), plan.columns, plan.bom, plan.trailer)


def begin(plan: Plan, without: int = 0) -> tuple[Tally, Iterator[bytes]]:
    """The count that fills as the export goes on, and its pieces. `without`: communications left out for a right."""
    job = _job(plan)
    if without:
        job.tally.left_out[NO_RIGHT] = without
    if plan.format.bodies:
        job.body = Bodies(plan.scope)
    if plan.format.packets:
        job.packets = Packets(plan.scope)
    documents = reads.in_order(plan.scope, plan.wanted, plan.ids)
    return job.tally, _counted(plan.format.write(_limited(documents, plan.limit, job.tally), job), job.tally)


def _limited(documents: Iterator[Json], limit: int, tally: Tally) -> Iterator[Json]:
    """As many as the limits let through; the tally hears of the one that was too many."""
    for document in documents:
        if tally.read >= limit:
            tally.cut = f"only the first {limit:,} are exported"
            return
        if tally.bytes >= settings.EXPORT_BYTES:
            tally.cut = f"a file ends at {words.volume(settings.EXPORT_BYTES)}"
            return
        tally.read += 1
        yield document


def _counted(pieces: Iterator[bytes], tally: Tally) -> Iterator[bytes]:
    """Pieces large enough to be worth sending."""
    waiting: list[bytes] = []
    size = 0
    for piece in pieces:
        tally.bytes += len(piece)
        size += len(piece)
        waiting.append(piece)
        if size >= 1 << 16:
            yield b"".join(waiting)
            waiting, size = [], 0
    yield b"".join(waiting)


def file_name(plan: Plan, total: int) -> str:
    """A name that tells query and range, and that there was more where it was cut."""
    about = plan.about
    if plan.ids:
        parts = [f"{len(plan.ids)}-chosen"]
    else:
        between = [_compact(moment) for moment in (about.since, about.until) if moment]
        parts = [_slug(about.query) or "all", "-".join(between)]
    if total > plan.limit:
        parts.append(f"first-{plan.limit}-of-{total}")
    return f"spider_{'_'.join(parts)}.{plan.format.extension}"


def _slug(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9.]+", "-", text).strip("-.")[:60]


def _compact(moment: str) -> str:
    return moment[:19].replace("-", "").replace(":", "") + "Z"
