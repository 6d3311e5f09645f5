"""The numbered chunks of a capture and what the server said of them: pure bookkeeping, no threads or sockets.

A job is `ready` (to be sent, again), `sending`, or `sent` (accepted, not yet known to be on disk). Numbers that were
given up are told with every upload until an answer covers them; only then may the capture end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agent.api import Answer
from agent.chunk import Chunk
from agent.options import WINDOW


@dataclass
class Job:
    """A numbered chunk on its way."""

    capture: str
    number: int
    chunk: Chunk
    body: Sequence[bytes] = ()  # as sent, in parts; made by the thread that sends it first
    encoding: str = ""
    digest: str = ""
    previous: str = ""  # the capture before this one, named by its last upload
    state: str = "ready"
    not_before: float = 0.0
    started: float = 0.0  # when its last upload began
    accepted: float = 0.0  # when its last answer came


class Numbers:
    """One capture's numbers."""

    def __init__(self, capture: str) -> None:
        self._gone: list[Job] = []
        self._begin(capture)

    def resume(self, given: int, left: Mapping[int, Chunk]) -> None:
        """Go on with a capture of an earlier run: numbers below `given` were given, these of them are still here. What
        else the server misses it learns from `oldest`."""
        self._given = given
        for number, chunk in left.items():
            self._jobs[number] = Job(self.capture, number, chunk)
        # Nothing is known of the server's window: what is here may be sent.
        self._next = min(left, default=given)
        self.unsaid = True

    def jobs(self) -> list[Job]:
        """All that are not on the server's disk."""
        return list(self._jobs.values())

    def gone(self) -> list[Job]:
        """Jobs that ended since the last call: on disk at the server, or given up."""
        gone, self._gone = self._gone, []
        return gone

    def _begin(self, capture: str) -> None:
        self.capture = capture
        self._jobs: dict[int, Job] = {}  # by number; each stays until it is on disk
        self._abandoned: dict[int, str] = {}  # "packets/bytes/reason"
        self._given = 0  # numbers given so far
        self._next = 0  # the server's lowest number that is not done
        self._durable = 0  # all below are on disk or given up
        self.unsaid = False  # `oldest` must be told before the end

    @property
    def unfinished(self) -> int:
        return len(self._jobs)

    @property
    def to_tell(self) -> bool:
        return bool(self._abandoned) or self.unsaid

    @property
    def last(self) -> int:
        return self._given - 1

    @property
    def oldest(self) -> int:
        """The lowest number that is not known to be on disk and will still be sent."""
        return min(self._jobs, default=self._given)

    def abandoned_header(self) -> str:
        return ",".join(f"{n}={facts}" for n, facts in sorted(self._abandoned.items()))

    def may_number(self) -> bool:
        """Whether another chunk may get a number: inside the server's window as we know it."""
        return self._given < self._next + WINDOW

    def number(self, chunk: Chunk) -> Job:
        """Give a chunk its number."""
        job = self._jobs[self._given] = Job(self.capture, self._given, chunk)
        self._given += 1
        return job

    def resend(self, now: float) -> Job | None:
        """The lowest job to be sent now, inside the server's window."""
        ready = [j for j in self._jobs.values() if j.state == "ready" and j.not_before <= now]
        return min((j for j in ready if j.number < self._next + WINDOW), key=_number, default=None)

    def heard(self, answer: Answer, asked: float) -> bool:
        """An answer about the capture as a whole; whether the server got on since."""
        before = self._next
        self._learn(answer, asked)
        return self._next > before

    def accepted(self, job: Job, answer: Answer, now: float) -> None:
        """`ok`, `dup`, `late`: success. Of an older capture: nothing more to do."""
        if job.capture != self.capture:
            return
        job.state, job.accepted = "sent", now
        if answer.durable is True or answer.word == "late":
            self._forget(job.number)
        self._learn(answer, job.started)

    def _learn(self, answer: Answer, asked: float) -> None:
        self._next = max(self._next, answer.next)
        self.unsaid = False
        if answer.durable is not True:
            self._durable = max(self._durable, int(answer.durable))
        for number in [n for n in self._jobs if n < self._durable and self._jobs[n].state != "sending"]:
            self._forget(number)
        known = set(answer.have)
        for number in [n for n in self._abandoned if n < max(self._durable, self._next) or n in known]:
            del self._abandoned[number]
        for job in self._jobs.values():
            # Accepted before this question was asked, and not listed in its answer: the server lost it.
            forgotten = job.state == "sent" and job.accepted < asked and job.number >= answer.next >= 0
            if forgotten and job.number not in known:
                job.state = "ready"

    def _forget(self, number: int) -> None:
        job = self._jobs.pop(number, None)
        if job is not None:
            self._gone.append(job)

    def delay(self, job: Job, answer: Answer, now: float) -> None:
        """`window`, `full`, `later`: the same chunk again, after the time the server asked for."""
        job.state = "ready"
        job.not_before = now + max(answer.wait, 0.2)
        self._next = max(self._next, answer.next)

    def abandon(self, job: Job, reason: str) -> None:
        """Give a number up: the server will never have it."""
        if self._jobs.get(job.number) is job:
            self._forget(job.number)
            self._abandoned[job.number] = f"{job.chunk.packets}/{job.chunk.size}/{reason}"

    def restart(self, job: Job, capture: str) -> list[Chunk]:
        """Go on in a new capture: the chunks that the old one will not have, in order. Uploads that are under way
        are of the old one; if they fail there they come here as well."""
        if job.capture != self.capture:
            return [job.chunk]
        again = [j.chunk for n, j in sorted(self._jobs.items()) if j is job or j.state == "ready"]
        self._begin(capture)
        return again


def _number(job: Job) -> int:
    return job.number
