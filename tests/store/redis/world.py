"""A small world on a real server: agents, splitters, drains, a finaliser and pollers, as generators that stop between
any two calls. Whoever schedules them may kill one there, leave one lying until its lease is over, or lose a reply (the
call is made twice, the first answer is never seen).

The content is made up: a row is one flow's `token`, with packets, and perhaps the end of its session. The documents of
a row and of a session, their ids and versions, follow from the rows alone, so a run without faults can be worked out.
"""

import json
import random
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from store.redis import accounting, captures, chunks, outbox, partitions, work
from store.redis.captures import Hole
from store.redis.chunks import Slice
from store.redis.connection import Link, Store
from store.redis.outbox import Entry
from store.redis.partitions import Lease, Refused, Step
from store.redis.work import SecondTry, WorkItem

Actor = Generator[None, None, None]


class Row(NamedTuple):
    flow: str
    token: str
    packets: int
    fin: bool


class Killed(Exception):
    """What poison does to a worker."""


@dataclass
class Capture:
    """The truth of one capture: rows by chunk and partition, and what its row in PostgreSQL says."""

    id: str
    rows: list[list[list[Row]]]
    abandoned: set[int]
    poison: set[str]
    late: set[int] = field(default_factory=set)
    closed: bool = False
    holes: dict[int, int] = field(default_factory=dict)
    totals: dict[str, int] = field(default_factory=dict)
    owner: str = ""

    @property
    def partitions(self) -> int:
        return len(self.rows[0])

    def packets(self, n: int) -> int:
        return 1 + sum(row.packets for rows in self.rows[n] for row in rows)


def make_capture(rng: random.Random, name: str) -> Capture:
    number, parts = rng.randint(3, 9), rng.choice((1, 1, 2, 3))
    rows = [
        [
            [
                Row(f"f{p}.{k % 3}", f"{n}.{p}.{k}", rng.randint(1, 3), rng.random() < 0.3)
                for k in range(rng.randint(0, 4))
            ]
            for p in range(parts)
        ]
        for n in range(number)
    ]
    abandoned = {n for n in range(number) if rng.random() < 0.12}
    tokens = [row.token for chunk in rows for part in chunk for row in part]
    poison = {rng.choice(tokens)} if tokens and rng.random() < 0.3 else set()
    if rng.random() < 0.15:
        poison.add(f"chunk {rng.randrange(number)}")
    if rng.random() < 0.15:
        poison.add("end f0.0")
    return Capture(name, rows, abandoned, poison, owner=rng.choice(("alice", "alice", "bob", "")))


def session_document(capture: Capture, state: dict[str, Any], end: str) -> tuple[str, int, Any]:
    version = 2 * len(state["tokens"]) + bool(end)
    return f"{capture.id}/t/{state['id']}", version, [state["tokens"], end]


def advance(capture: Capture, n: int, rows: list[Row], states: dict[str, Any]) -> tuple[list[Any], list[Any], int]:
    """Applies rows to `states`. Answers documents, bodies to append (session, token), and packets."""
    documents, bodies, packets = [], [], 0
    for row in rows:
        state = states.get(row.flow) or {"id": f"{row.flow}@{row.token}", "tokens": []}
        state = states[row.flow] = {"id": state["id"], "tokens": [*state["tokens"], row.token]}
        documents.append((f"{capture.id}/r/{row.token}", 1, state["id"]))
        documents.append(session_document(capture, state, "fin" if row.fin else ""))
        bodies.append((state["id"], row.token))
        packets += row.packets
        if row.fin:
            states[row.flow] = None
    return documents, bodies, packets


def reference(capture: Capture, quarantined: set[SecondTry]) -> tuple[dict[str, Any], dict[str, int]]:
    """Documents and sums of a run without faults, over the chunks and rows that were not lost for a reason."""
    store: dict[str, Any] = {}
    counts = {"packets.session": 0, "packets.notTcp": 0, "packets.quarantined": 0}
    lost = {item for item in quarantined if item.capture == capture.id}
    whole = {item.chunk for item in lost if item.p is None}
    states: list[dict[str, Any]] = [{} for _ in range(capture.partitions)]
    for n, parts in enumerate(capture.rows):
        if n in capture.abandoned:
            continue
        if n in whole:
            counts["packets.quarantined"] += capture.packets(n)
            continue
        counts["packets.notTcp"] += 1
        for p, rows in enumerate(parts):
            aside = {k for item in lost if (item.chunk, item.p) == (n, p) for k in range(item.first, item.end)}
            counts["packets.quarantined"] += sum(rows[k].packets for k in aside)
            kept = [row for k, row in enumerate(rows) if k not in aside]
            documents, _, packets = advance(capture, n, kept, states[p])
            counts["packets.session"] += packets
            put(store, documents)
            states[p] = {flow: state for flow, state in states[p].items() if state}
    ends = {(item.p, item.flow.decode()) for item in lost if item.flow}
    for p, part in enumerate(states):
        put(store, [session_document(capture, s, "end") for flow, s in part.items() if (p, flow) not in ends])
    return store, counts


def put(store: dict[str, Any], documents: list[Any]) -> None:
    """Stores documents under external versions; the same id and version must always have the same content."""
    for name, version, body in documents:
        old = store.get(name)
        assert old is None or old[0] != version or old[1] == body, (name, version, old, body)
        if old is None or version > old[0]:
            store[name] = [version, body]


class World:
    """Everything outside Redis, and the actors that go between."""

    def __init__(self, store: Store, rng: random.Random, number: int) -> None:
        self.store, self.rng = store, rng
        self.captures = {name: make_capture(rng, name) for name in (f"c{i}" for i in range(number))}
        self.documents: dict[str, Any] = {}
        self.quarantined: set[SecondTry] = set()
        self.hints: list[WorkItem] = []
        self.faults = True
        self.tokens = 0

    def token(self) -> str:
        self.tokens += 1
        return f"t{self.tokens}"

    def call(self, step: Callable[[], Any]) -> Generator[None, None, Any]:
        """One step: others come in between, and the reply may be lost, then it is asked for again."""
        yield
        answer = step()
        while self.faults and self.rng.random() < 0.05:
            yield
            answer = step()
        return answer

    # ------------------------------------------------------------------ agents and ingest
    def agent(self, link: Link, capture: Capture) -> Actor:
        """Uploads in any order, some twice; gives some up and sends a part of these late; then the end."""
        todo = [n for n in range(len(capture.rows)) if n not in capture.abandoned]
        holes = [Hole(n, capture.packets(n), 1, "abandoned") for n in sorted(capture.abandoned)]
        next_number = 0
        while todo or holes:
            inside = [n for n in todo if n < next_number + link.settings.window]
            if holes and (not inside or self.rng.random() < 0.3):
                answer = yield from self.call(lambda holes=holes: captures.close_holes(link, capture.id, holes))
                holes = [hole for hole in holes if hole.number >= answer.next and hole.number not in answer.have]
            else:
                n = self.rng.choice(inside or todo)
                answer = yield from self.upload(link, capture, n)
                if answer.word in {"ok", "dup"} and self.rng.random() < 0.9:
                    todo = [m for m in todo if m != n]
            if answer.word == "unknown":
                yield from self.open(link, capture)
            next_number = answer.next
        if capture.abandoned and self.rng.random() < 0.5:
            yield from self.come_late(link, capture)
        while (yield from self.call(lambda: captures.finish(link, capture.id, len(capture.rows) - 1))).word != "done":
            if capture.closed:
                return
            yield from self.open(link, capture)

    def upload(self, link: Link, capture: Capture, n: int) -> Generator[None, None, captures.Answer]:
        body = json.dumps([capture.id, n]).encode().ljust(100)
        accept = lambda: chunks.accept(  # noqa: E731
            link, capture.id, n, body, digest=f"d{n}", packets=capture.packets(n)
        )
        answer: captures.Answer = yield from self.call(accept)
        assert answer.word in {"ok", "dup", "window", "full", "share", "unknown", "late", "later"}, answer
        return answer

    def come_late(self, link: Link, capture: Capture) -> Actor:
        n = self.rng.choice(sorted(capture.abandoned))
        for _ in range(self.rng.randint(1, 2)):
            if (yield from self.upload(link, capture, n)).word == "late":
                capture.late.add(n)

    def open(self, link: Link, capture: Capture) -> Actor:
        deadline = yield from self.call(lambda: captures.deadline(link))
        if not capture.closed:
            yield from self.call(
                lambda: captures.open_capture(link, capture.id, capture.partitions, deadline, capture.owner)
            )

    # ------------------------------------------------------------------ workers
    def worker(self, link: Link, item: WorkItem) -> Actor:
        capture = self.captures[item.capture]
        if item.kind == "s":
            return self.split(link, capture, item.number)
        return self.drain(link, capture, item.number) if item.kind == "p" else self.finalise(link, capture)

    def hint(self, capture: Capture, numbers: tuple[int, ...]) -> None:
        self.hints += [WorkItem(capture.id, "p", p) for p in numbers if not self.faults or self.rng.random() < 0.8]

    def slices(self, capture: Capture, n: int) -> list[Slice | None]:
        return [
            Slice(json.dumps(rows).encode(), [row.packets for row in rows]) if rows else None
            for rows in capture.rows[n]
        ]

    def split(self, link: Link, capture: Capture, n: int) -> Actor:
        token = self.token()
        job = yield from self.call(lambda: chunks.take_split(link, capture.id, n, token))
        if job is None:
            return
        if job.mode == "poison":
            aside = [Entry("packets", b"raw", 1, blob=True)]
            answer = yield from self.call(lambda: chunks.quarantine_chunk(link, job, capture.partitions, aside))
        else:
            if f"chunk {n}" in capture.poison:
                raise Killed
            if (yield from self.call(lambda: chunks.raw(link, capture.id, job.chunk))) is None:
                return
            answer = yield from self.call(lambda: self.record(link, capture, job.chunk))
        self.hint(capture, answer.hints)

    def record(self, link: Link, capture: Capture, chunk: chunks.Record) -> chunks.Recorded:
        documents = json.dumps([(f"{capture.id}/p/{chunk.number}", 1, "packets")]).encode()
        entries = [Entry("packets", documents, 1, blob=True)]
        slices = self.slices(capture, chunk.number)
        return chunks.record_split(link, capture.id, chunk, slices, entries=entries, counters={"packets.notTcp": 1})

    def drain(self, link: Link, capture: Capture, p: int) -> Actor:
        token, sweep = self.token(), self.rng.random() < 0.1
        take = lambda: partitions.take_lease(link, capture.id, p, token, sweep=sweep)  # noqa: E731
        lease = yield from self.call(take)
        while isinstance(lease, Lease):
            if lease.mode == "poison" and lease.ready:
                what = yield from self.call(lambda lease=lease: partitions.to_quarantine(link, lease))
                done = yield from self.call(
                    lambda lease=lease, what=what: partitions.quarantine(link, lease, what, [Entry("hosts", b"[]", 0)])
                )
                lease = done.lease
                break
            if lease.ready and lease.current.status == "a" and (lease.mode == "careful" or self.rng.random() < 0.3):
                if f"chunk {lease.chunk}" in capture.poison:
                    raise Killed
                yield from self.call(lambda lease=lease: self.record(link, capture, lease.current))
                lease = yield from self.call(take)
                continue
            step = yield from self.step(link, capture, lease)
            if step is None:
                break
            done = yield from self.call(lambda lease=lease, step=step: partitions.commit(link, lease, step))
            lease = done.lease
            if done.word == "stale":
                return
            if not done.more or self.rng.random() < 0.2:
                break
        if isinstance(lease, Refused):
            return
        if (yield from self.call(lambda: partitions.release(link, lease, counted=self.rng.random() < 0.7))):
            self.hint(capture, (p,))

    def step(self, link: Link, capture: Capture, lease: Lease) -> Generator[None, None, Step | None]:
        """What to commit next; a sweep without a chunk writes what it has, another without one stops."""
        record = lease.current
        if not lease.ready:
            return (yield from self.close_sessions(link, capture, lease, "")) if lease.row == 0 else None
        if record.status in "hq":
            return Step(lease.chunk + 1, 0)
        if record.status == "e":
            return (yield from self.close_sessions(link, capture, lease, "end"))
        if record.status == "a":
            if f"chunk {lease.chunk}" in capture.poison:
                raise Killed
            if (yield from self.call(lambda: chunks.raw(link, capture.id, record))) is None:
                return None
            rows = capture.rows[lease.chunk][0]
        else:
            part = yield from self.call(lambda: partitions.read_slice(link, lease))
            rows = [Row(*row) for row in json.loads(part.data)] if part else []
        return (yield from self.rows_step(link, capture, lease, rows))

    def rows_step(self, link: Link, capture: Capture, lease: Lease, rows: list[Row]) -> Generator[None, None, Step]:
        fused = lease.current.status == "a"
        number = len(rows) if fused else 1 if lease.mode == "careful" else self.rng.randint(1, 4)
        now = rows[lease.row : lease.row + number]
        if any(row.token in capture.poison for row in now):
            raise Killed
        flows = list({row.flow.encode() for row in now})
        loaded = yield from self.call(lambda: partitions.load_states(link, capture.id, lease.p, flows))
        states = {flow.decode(): json.loads(state) for flow, state in loaded.items()}
        before = dict(states)
        documents, bodies, packets = advance(capture, lease.chunk, now, states)
        yield from self.check_bodies(link, capture, lease.p, before)
        counters = {"packets.session": packets}
        if fused:
            documents.append((f"{capture.id}/p/{lease.chunk}", 1, "packets"))
            counters["packets.notTcp"] = 1
        end = lease.row + number
        closed = [flow for flow, state in states.items() if state is None]
        alive = {state["id"] for state in states.values() if state}
        return Step(
            *((lease.chunk + 1, 0) if end >= len(rows) else (lease.chunk, end)),
            changed={flow.encode(): json.dumps(state).encode() for flow, state in states.items() if state},
            removed=[flow.encode() for flow in closed],
            bodies=[(name, 0, token.encode() + b" ") for name, token in bodies if name in alive],
            dropped_bodies=[(state["id"], 0) for flow, state in before.items() if state["id"] not in alive],
            entries=[self.entry(documents)],
            counters=counters,
        )

    def check_bodies(self, link: Link, capture: Capture, p: int, states: dict[str, Any]) -> Actor:
        """A session's body list holds just what its state has seen, whoever died on the way."""
        fence = yield from self.call(lambda: link.command("HGET", link.keys.capture(capture.id).partition(p), "f"))
        for flow, state in states.items():
            *_, (now, again, body) = link.pipeline(
                [
                    ("MULTI",),
                    ("HGET", link.keys.capture(capture.id).partition(p), "f"),
                    ("HGET", link.keys.capture(capture.id).states(p), flow),
                    ("LRANGE", link.keys.capture(capture.id).body(p, f"{state['id']}:0"), 0, -1),
                    ("EXEC",),
                ]
            )
            if now == fence and again is not None and json.loads(again) == state:
                assert b"".join(body).decode().split() == state["tokens"]

    def close_sessions(
        self, link: Link, capture: Capture, lease: Lease, end: str
    ) -> Generator[None, None, Step | None]:
        """At the end marker two sessions a step, in key order; in a sweep (no end) a document as they are."""
        flows = yield from self.call(lambda: partitions.flows(link, capture.id, lease.p))
        first = flows[: 1 if lease.mode == "careful" else 2]
        if end and any(f"end {flow.decode()}" in capture.poison for flow in first):
            raise Killed
        states = yield from self.call(lambda: partitions.load_states(link, capture.id, lease.p, first))
        known = [json.loads(state) for state in states.values()]
        entries = [self.entry([session_document(capture, state, end) for state in known])]
        if not end:
            return Step(lease.chunk, lease.row, entries=entries if known else [])
        if not first:
            return Step(lease.chunk + 1, 0)
        return Step(
            lease.chunk,
            lease.row,
            removed=first,
            dropped_bodies=[(state["id"], 0) for state in known],
            entries=entries,
        )

    def entry(self, documents: list[Any]) -> Entry:
        return Entry("httpcomms", json.dumps(documents).encode(), len(documents), blob=self.rng.random() < 0.2)

    def finalise(self, link: Link, capture: Capture) -> Actor:
        state = yield from self.call(lambda: captures.read_state(link, capture.id))
        if state is None:
            yield from self.call(lambda: captures.close_capture(link, capture.id))
            return
        if state.state != "d":
            return
        yield
        if not capture.closed:
            totals = accounting.totals(link, capture.id)
            capture.closed, capture.totals = True, dict(totals.counters)
            capture.holes = {hole.number: hole.packets for hole in state.holes}
        while (yield from self.call(lambda: accounting.flush(link, capture.id))) == "changed":
            pass
        yield from self.call(lambda: captures.close_capture(link, capture.id))

    # ------------------------------------------------------------------ pollers, second tries
    def poller(self, link: Link, name: str) -> Actor:
        """Moves entries to the store; sometimes writes half a batch and forgets the rest."""
        for resource in ("httpcomms", "packets", "monitoring", "hosts"):
            entries = yield from self.call(lambda resource=resource: outbox.claim(link, resource, name, 4))
            yield
            for entry in entries:
                if entry.payload.startswith(b"[") and resource != "monitoring":
                    documents = json.loads(entry.payload)
                    half = self.faults and self.rng.random() < 0.05
                    put(self.documents, documents[: len(documents) // 2] if half else documents)
                    if half:
                        return
            yield from self.call(lambda entries=entries: outbox.confirm(link, entries))

    def second_tries(self, link: Link) -> Actor:
        for item in (yield from self.call(lambda: work.due(link))):
            token = self.token()
            if (yield from self.call(lambda item=item, token=token: work.take_due(link, item, token))) != "no":
                self.quarantined.add(item)
                yield from self.call(lambda item=item, token=token: work.done_due(link, item, token))
