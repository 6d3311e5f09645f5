"""What a run through the workers has to give: that which `parse_capture` gives, and nothing left behind."""

import io
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import orjson
from django.conf import settings as site

from apps.captures import offline
from apps.captures.models import Capture as CaptureRow
from apps.core import servers
from documents.build import Context
from documents.counters import Bounds, faults
from documents.rules import DEFAULT_RULES, ParsingRules
from store.redis.accounting import PARTS
from store.redis.work import SecondTry
from tests.captures import CLIENT, SERVER, Capture, request, response
from tests.flows.comparable import comparable
from wire.limits import DEFAULT
from wire.pcapfile.pcap import pcap_layout, walk_pcap

TALKS, EXCHANGES = 12, 6


def traffic() -> bytes:
    """Twelve interleaved conversations, one of them in IP fragments, and packets of other kinds. Every third one is
    open at the end, with a request that nobody answered."""
    made = Capture()
    for number in range(TALKS):
        talk = made.conversation(f"10.0.{number}.1:{40000 + number}", "10.9.0.1:80", after=number * 0.003).connect()
        for turn in range(EXCHANGES):
            talk.request(request("POST", f"/talk{number}/turn{turn}", body=b"question " * 30)).wait(0.01)
            talk.response(response(200, [("Content-Type", "text/plain")], b"answer " * 60)).wait(0.02)
        if number == 5:
            talk.fragment(-2, 128).fragment(-5, 256)
        if number % 3:
            talk.close()
        else:
            talk.send(CLIENT, request("GET", f"/talk{number}/unanswered"))
    for number in range(9):
        made.frame(b"\xff" * 12 + b"\x08\x06" + bytes(46), after=number * 0.02)  # ARP
    return made.pcap()


def endless() -> bytes:
    """One elephant: a body of several hundred kilobytes beside small talk, so that a slice has rows of one flow."""
    made = Capture()
    talk = made.conversation("10.0.0.1:40000", "10.9.0.1:80").connect()
    talk.request(request("GET", "/elephant")).send(SERVER, response(200, body=bytes(range(256)) * 4000), size=1400)
    talk.request(request("GET", "/after")).response(response(204, body=None)).close()
    return made.pcap()


def flow(number: int) -> bytes:
    """The key of a conversation of `traffic`."""
    client = bytes((10, 0, number, 1)) + (40000 + number).to_bytes(2, "big")
    return b"\x04" + client + bytes((10, 9, 0, 1)) + (80).to_bytes(2, "big")


def without(pieces: Iterable[bytes], talk: int | None = None) -> bytes:
    """The pieces as one pcap again, less the packets of a conversation of `traffic`."""
    records = [record for piece in pieces for record in _records(piece)]
    address = bytes((10, 0, talk, 1)) if talk is not None else b"-"
    return b"".join((next(iter(pieces))[:24], *(one for one in records if address not in one[16 + 26 : 16 + 34])))


def only(piece: bytes, talk: int) -> bytes:
    """A piece with the packets of one conversation of `traffic` alone."""
    address = bytes((10, 0, talk, 1))
    return b"".join((piece[:24], *(one for one in _records(piece) if address in one[16 + 26 : 16 + 34])))


def packets(piece: bytes) -> int:
    """Records of a pcap."""
    return len(_records(piece))


def _records(piece: bytes) -> list[bytes]:
    starts, end, _ = walk_pcap(piece, 24, pcap_layout(piece))
    return [piece[a:b] for a, b in zip(starts, [*starts[1:], end], strict=True)]


def whole(data: bytes, rules: ParsingRules = DEFAULT_RULES) -> list[bytes]:
    """The communications of a whole file, as comparable lines."""
    found: list[bytes] = []
    context = Context("", "whole", site.MASK_KEY, limits=rules.limits(DEFAULT), rules=rules)
    offline.parse(
        io.BytesIO(data), context, "20260101", lambda one: found.append(comparable(orjson.loads(one.document.body)))
    )
    return sorted(found)


def found_by(pump: Any) -> list[bytes]:
    """What a pump's workers found, as comparable lines."""
    return sorted(comparable(one) for one in pump.documents["httpcomms"].values())


def same(found: list[bytes], wanted: list[bytes]) -> None:
    """Both are the same communications; a failure shows only those that differ."""
    different = [
        (name, *sorted(map(_short, lines)))
        for name, lines in (("found", set(found) - set(wanted)), ("wanted", set(wanted) - set(found)))
    ]
    assert different == [("found",), ("wanted",)]
    assert len(found) == len(wanted)


def _short(line: bytes) -> str:
    """Enough of a communication to see what is different."""
    one = orjson.loads(line)
    sides = [(one.get(side) or {}).get("uri") or (one.get(side) or {}).get("status") for side in ("req", "res")]
    return f"{one['date']} {sides} {one['parsing']} {one['stats'].get('timings')}"


def balanced(row: CaptureRow, uploaded: int) -> dict[str, int]:
    """The totals of a closed capture, whose parts make up every packet that was uploaded."""
    totals: dict[str, int] = row.totals
    assert totals["packets.uploaded"] == uploaded
    assert sum(totals.get(part, 0) for part in PARTS) == uploaded, totals
    assert faults(totals, Bounds()) == []
    return totals


def nothing_left() -> None:
    """No key of a capture and no blob, counters at 0."""
    with servers.chunk_store().link() as link:
        names = [key.decode() for key in link.command("KEYS", "*")]
        assert [name for name in names if ":c:" in name or ":blob:" in name] == []
        assert set(link.command("HVALS", link.keys.bytes)) <= {b"0"}
        assert link.command("ZCARD", link.keys.work) == 0


def second_tries() -> dict[SecondTry, float]:
    """What waits for its second try, and in how many seconds it is due."""
    with servers.chunk_store().link() as link:
        flat = link.command("ZRANGE", link.keys.due, 0, -1, "WITHSCORES")
        now = link.now()
    return {
        SecondTry.read(text.decode()): (float(score) - now) / 1000
        for text, score in zip(flat[::2], flat[1::2], strict=True)
    }


def tune(**bounds: Any) -> None:
    """Give the chunk store other bounds than the settings'."""
    store = servers.chunk_store()
    store.settings = replace(store.settings, **bounds)
