"""From chunks to the server: numbers, parallel uploads, answers, and the end of the capture.

A chunk waits without a number until its first upload starts, so a queue that overflows drops chunks without making
holes in the numbers. With a number it stays until the server says it is on disk; at most `WINDOW` are numbered at a
time. What happens to them is decided in `Numbers`, which knows no thread or socket; the threads here take work from it
and tell it answers. With a spool every chunk goes to disk before it gets a number, and what waits takes no memory.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from agent import headers, spool
from agent.api import Answer, Api, Failure
from agent.breaker import Breaker
from agent.chunk import Chunk, Counts, Losses
from agent.compression import Compress
from agent.errors import AgentError, RefusedError, UnreachableError
from agent.memory import Memory
from agent.numbers import Job, Numbers
from agent.options import Options
from agent.spool import Kept
from agent.waiting import Waiting, pack

#: Seconds between questions while the server's window stands still.
FIRST_ASK, LONGEST_ASK = 0.1, 2.0
#: Seconds that a program which ends gives what is in memory to get to the spool.
LAST_SECONDS = 10.0


@dataclass(frozen=True)
class Question:
    """How far is the server? Tells at once what was given up."""

    capture: str
    oldest: int
    abandoned: str
    asked: float


class Uploader:
    """Takes chunks from a source and sends them; `close` ends the capture."""

    def __init__(
        self,
        options: Options,
        connect: Callable[[], Api],
        compress: Compress | None,
        say: Callable[[str], None],
        *,
        counts: Counts | None = None,
        kept: Callable[[str], Kept] | Kept | None = None,
    ) -> None:
        """`kept`: the spool's place for a capture, or what an earlier run left of one."""
        self._options, self._connect, self._compress, self._say = options, connect, compress, say
        self._source = options.interface or options.file
        self._counts = counts or Counts()
        self._changed = threading.Condition()
        self._numbers = Numbers(secrets.token_hex(12))
        self._memory = Memory(options.state, say)
        self._previous = self._memory.read()  # a capture of ours that may be open still: named until the server knows
        self._busy = 0  # uploads under way
        self._older = 0  # of these, such of captures before this one: they must not be ended yet
        self._asking = False
        self._ask_at, self._ask_pause = 0.0, FIRST_ASK
        self._ended = self._stopped = False
        self._until: float | None = None  # when `close` stops to wait
        self._error: AgentError | None = None
        self._breaker = Breaker()
        self.sent_packets = self.sent_bytes = self.sent_chunks = self.lost_packets = 0
        if isinstance(kept, Kept):
            self._numbers = Numbers(kept.capture)
            self._numbers.resume(kept.given, kept.numbered)
            self._source = kept.interface
        self._kept = kept if isinstance(kept, Kept) or kept is None else kept(self._numbers.capture)
        self._waiting = Waiting(self._changed, compress, self._kept, say)
        self._threads: dict[int, threading.Thread] = {}
        self.configure(options.uploads, options.queue, spooling=False)

    def recompress(self, compress: Compress | None) -> None:
        """Compress otherwise from now on."""
        self._compress = self._waiting.compress = compress

    def configure(self, uploads: int, queue: int, *, spooling: bool) -> None:
        """How many uploads at a time, how many bytes may wait in memory, and whether new chunks go to the spool."""
        with self._changed:
            self._uploads = uploads
            self._waiting.configure(queue, spooling=spooling)
            for number in range(uploads):
                if number not in self._threads:
                    thread = threading.Thread(target=self._work, args=(number,), daemon=True)
                    self._threads[number] = thread
                    thread.start()
            self._changed.notify_all()

    # ---- for the source ------------------------------------------------------------------------

    def put(self, chunk: Chunk, *, wait: bool) -> None:
        """Queue a chunk. When the queue is full: wait for space (files), or drop the chunk and count it (interfaces).

        Raises the error that ended the uploads."""
        with self._changed:
            while wait and self._waiting.is_full(chunk) and not self._error and not self._stopped:
                self._changed.wait(0.5)
            self._check()
            self._waiting.losses.merge(chunk.losses)
            if self._waiting.is_full(chunk) or self._stopped:
                self._waiting.losses.add("queue", chunk.packets, chunk.size)
                self._waiting.losses.captured += chunk.packets
                self.lost_packets += chunk.packets
                self._counts.add("dropped_queue", chunk.packets)
                return
            self._waiting.add(chunk)
            self._changed.notify_all()

    def lose(self, losses: Losses) -> None:
        """Tell these with the next chunk."""
        with self._changed:
            self._waiting.losses.merge(losses)

    @property
    def waiting(self) -> int:
        """Chunks that are not on the server's disk yet."""
        with self._changed:
            return len(self._waiting) + self._numbers.unfinished

    @property
    def error(self) -> AgentError | None:
        """What ended the uploads."""
        return self._error

    def stop(self) -> None:
        """Take and send nothing more (a second interruption)."""
        with self._changed:
            self._stopped = self._waiting.stopped = True
            self._changed.notify_all()

    def close(self, within: float | None = None) -> str:
        """Wait until everything is on the server's disk and end the capture; returns the address of its search page.

        After `within` seconds what is left stays in the spool, or is lost. Raises the error that ended the uploads."""
        if within is not None:
            self.hurry(within)
        with self._changed:
            self._ended = self._waiting.over = True
            self._changed.notify_all()
            while not self._done() and not self._error and not self._stopped and not self._late():
                self._changed.wait(0.5)
            self._check()
            done = self._done()
        if done and not self._stopped:
            return self._finish()
        self._leave()
        return ""

    def hurry(self, within: float) -> None:
        """End `close` at the latest after so many seconds."""
        with self._changed:
            until = time.monotonic() + within
            self._until = until if self._until is None else min(until, self._until)
            self._changed.notify_all()

    def _late(self) -> bool:
        return self._until is not None and time.monotonic() >= self._until

    def _leave(self) -> None:
        """Stop with chunks left: those in memory go to the spool, if there is one."""
        until = time.monotonic() + LAST_SECONDS
        with self._changed:
            while self._waiting.saving and not self._stopped and time.monotonic() < until:
                self._changed.wait(0.1)
            self._stopped = self._waiting.stopped = True
            jobs = [job.chunk for job in self._numbers.jobs() if job.chunk.stored is None]
            lost = sum(chunk.packets for chunk in [*self._waiting.in_memory(), *jobs])
            self.lost_packets += lost
            self._changed.notify_all()
        if lost:
            self._say(f"{lost:,} packets could not be sent before the end")

    def _check(self) -> None:
        if self._error:
            raise self._error

    def _done(self) -> bool:
        return not (len(self._waiting) or self._busy or self._numbers.unfinished or self._numbers.to_tell)

    def _finish(self) -> str:
        """Send `final` until the server has it on disk; a capture without any chunk never began."""
        self.stop()
        if self._numbers.last < 0:
            self._end_kept()
            return ""
        api, losses = self._connect(), self._waiting.losses
        try:
            while not self._late():
                answer = api.finish(self._numbers.capture, self._numbers.last, losses.header(), losses.captured)
                if isinstance(answer, Answer) and answer.word in ("done", "ok"):
                    self._memory.keep("")
                    self._end_kept()
                    return answer.search
                if isinstance(answer, Answer) and answer.word not in ("later", "full", "unavailable"):
                    self._end_kept()
                    raise RefusedError(f"the capture's end was refused: {answer.message or answer.word}")
                with self._changed:
                    self._failed(answer)
                    self._check()
                time.sleep(max(self._breaker.closed_until - time.monotonic(), 0.05))
        finally:
            api.close()
        return ""

    def _end_kept(self) -> None:
        if self._kept is not None:
            self._kept.end()

    # ---- threads -------------------------------------------------------------------------------

    def _work(self, index: int) -> None:
        api = self._connect()
        try:
            while True:
                job = self._next_job(index)
                if job is None:
                    return
                if isinstance(job, Question):
                    self._heard(job, api.status(job.capture, job.oldest, job.abandoned))
                elif self._prepare(job):
                    self._tell(job, api.send_chunk(self._headers(job), job.body))
        except AgentError as error:
            self._end_with(error)
        except Exception as error:  # a bug of ours must end the program, not leave it waiting for a dead thread
            self._end_with(AgentError(f"unexpected {type(error).__name__}: {error}"))
            raise
        finally:
            api.close()

    def _end_with(self, error: AgentError) -> None:
        with self._changed:
            self._error = self._error or error
            self._changed.notify_all()

    def _next_job(self, index: int) -> Job | Question | None:
        """The next upload or question, waited for; None when there will be none."""
        with self._changed:
            while not self._error and not self._stopped and index < self._uploads:
                now = time.monotonic()
                if self._breaker.lets(now, self._busy):
                    job = self._numbers.resend(now) or self._new_job()
                    if job:
                        job.state, job.started = "sending", now
                        self._busy += 1
                        return job
                    if self._must_ask() and now >= self._ask_at:
                        return self._question(now)
                if self._ended and self._done():
                    self._changed.notify_all()
                    return None
                self._changed.wait(min(max(self._breaker.closed_until - now, 0.05), 0.5))
            self._threads.pop(index, None)
            return None

    def _must_ask(self) -> bool:
        """Nothing can be sent that would bring an answer, and there is something to learn or to tell."""
        if self._busy or self._asking or self._numbers.last < 0:
            return False
        waits = len(self._waiting) or self._numbers.unfinished
        return bool(waits or (self._ended and self._numbers.to_tell))

    def _question(self, now: float) -> Question:
        self._asking = True
        numbers = self._numbers
        return Question(numbers.capture, numbers.oldest, numbers.abandoned_header(), now)

    def _new_job(self) -> Job | None:
        chunk = self._waiting.take() if self._numbers.may_number() else None
        if chunk is None:
            return None
        job = self._numbers.number(chunk)
        if self._kept is not None:
            self._kept.number(chunk, job.number)
        return job

    def _prepare(self, job: Job) -> bool:
        """Have the body ready; False when the spool lost it, and the number is given up."""
        stored = job.chunk.stored
        if stored is None:
            if not job.body:
                job.body, job.encoding, job.digest = pack(job.chunk, self._compress)
                job.chunk.parts = job.body
            return True
        try:
            job.body, job.encoding, job.digest = (spool.read(stored),), stored.encoding, stored.digest
        except OSError as error:
            with self._changed:
                self._over(job)
                self._say(f"chunk {job.number} cannot be read from the spool: {error.strerror or error}")
                self._give_up(job, "spool")
                self._changed.notify_all()
            return False
        return True

    def _headers(self, job: Job) -> dict[str, str]:
        with self._changed:
            oldest, abandoned = self._numbers.oldest, self._numbers.abandoned_header()
            job.previous = "" if self._older or job.capture != self._numbers.capture else self._previous
        return headers.of(job, self._options.instance, self._source, oldest, abandoned)

    # ---- answers -------------------------------------------------------------------------------

    def _over(self, job: Job) -> None:
        """An upload is no longer under way."""
        self._busy -= 1
        self._older -= job.capture != self._numbers.capture

    def _tell(self, job: Job, answer: Answer | Failure) -> None:
        with self._changed:
            self._over(job)
            if job.chunk.stored is not None:
                job.body = ()
            if isinstance(answer, Failure):
                self._failed(answer)
                self._later(job, Answer("later"))
            else:
                self._breaker.succeeded()
                self._answered(job, answer)
            self._tidy()
            self._changed.notify_all()

    def _heard(self, question: Question, answer: Answer | Failure) -> None:
        """How far the server is. While it stands still it is asked less and less often."""
        with self._changed:
            self._asking = False
            if isinstance(answer, Failure):
                self._failed(answer)
            else:
                self._breaker.succeeded()
                if answer.word == "unknown":  # of a capture that nobody knows there is nothing to tell
                    self._numbers.unsaid = False
                current = answer.word == "ok" and question.capture == self._numbers.capture
                moved = current and self._numbers.heard(answer, question.asked)
                self._ask_pause = FIRST_ASK if moved else min(self._ask_pause * 1.5, LONGEST_ASK)
                self._ask_at = time.monotonic() + max(self._ask_pause, answer.wait)
            self._tidy()
            self._changed.notify_all()

    def _later(self, job: Job, answer: Answer) -> None:
        if job.capture == self._numbers.capture:
            self._numbers.delay(job, answer, time.monotonic())
        else:
            self._waiting.again([job.chunk])  # its capture is over: in the new one then

    def _answered(self, job: Job, answer: Answer) -> None:
        word = answer.word
        if word in ("ok", "dup", "late"):
            self.sent_chunks += 1
            self.sent_packets += job.chunk.packets
            size = sum(map(len, job.body)) if job.chunk.stored is None else job.chunk.stored.size
            self.sent_bytes += size
            self._counts.add("bytes_total", size)
            self._numbers.accepted(job, answer, time.monotonic())
            self._remember(job)
        elif word in ("conflict", "ended"):
            self._say(f"{answer.message or word}; going on in a new capture")
            self._restart(job)
        elif word == "refused":
            self._refused(job, answer)
        else:
            self._later(job, answer)

    def _remember(self, job: Job) -> None:
        """The server has a chunk of this capture: it is the open one, once the one before was named."""
        if job.capture != self._numbers.capture:
            return
        if job.previous == self._previous:
            self._previous = ""
            self._memory.keep(job.capture)

    def _restart(self, job: Job) -> None:
        """Go on in a new capture, which names this one as soon as no upload of it is under way."""
        capture = secrets.token_hex(12)
        if job.capture == self._numbers.capture:
            self._previous, self._older = job.capture, self._busy
        self._waiting.again(self._numbers.restart(job, capture))
        if self._kept is not None and self._numbers.capture == capture:
            self._kept.restart(capture)

    def _refused(self, job: Job, answer: Answer) -> None:
        """The server will never take this chunk; if it takes none, there is no use in going on."""
        if self._options.file and not self.sent_chunks:
            self._error = RefusedError(f"the server refuses what is sent: {answer.message}")
            return
        self._say(f"chunk {job.number} was refused and is given up: {answer.message}")
        self._give_up(job, "refused")

    def _give_up(self, job: Job, reason: str) -> None:
        self.lost_packets += job.chunk.packets
        self._counts.add("dropped_queue", job.chunk.packets)
        self._waiting.losses.merge(job.chunk.losses)  # it would have told them: another chunk does
        self._numbers.abandon(job, reason)
        self._tidy()

    def _tidy(self) -> None:
        """What ended leaves the spool."""
        for job in self._numbers.gone():
            if self._kept is not None:
                self._kept.remove(job.chunk)

    def _failed(self, why: Answer | Failure) -> None:
        """The breaker: nobody calls for a while; for files it ends after the patience."""
        now = time.monotonic()
        if self._breaker.failed(now):
            self._say(f"{why.message}; trying again")
        patience = self._options.patience
        if patience and self._options.file and now - self._breaker.failing_since >= patience:
            self._error = UnreachableError(f"{why.message} (tried for {patience} s)")
