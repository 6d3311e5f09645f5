"""`run`: the agent as a service. One loop asks for the configuration, makes the captures follow it, and tells the
status; captures and uploads have threads of their own and go on whatever happens to the server.
"""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from ipaddress import ip_network
from types import FrameType
from typing import Any

from agent import VERSION, host
from agent.api import Api, Failure
from agent.bpf import Network
from agent.breaker import Breaker
from agent.compression import compressor
from agent.control import Configuration, Control, RevokedError, Unchanged
from agent.errors import AgentError
from agent.keys import KeysFile
from agent.session import FileSession, LeftSession, LiveSession, Orders, Session, Surroundings
from agent.settings import Settings
from agent.spool import Spool

#: Seconds between two looks at everything.
TICK = 0.25
#: Seconds after which names (the server's, those of the blacklist) are resolved again.
RESOLVE_SECONDS = 60.0
#: Seconds that the end may take: with a spool what is left is safe on disk, without it is sent if that can be.
LAST_WITH_SPOOL, LAST_WITHOUT = 3.0, 20.0
DEFAULTS = Settings.read({})
LOCAL = ("127.", "::1", "localhost")


class Service:
    """The loop, and what it knows."""

    def __init__(self, file: KeysFile, spool_folder: str, say: Callable[[str], None]) -> None:
        self._file, self._say = file, say
        self._around = Surroundings(file.keys.name, self._connect, say, Spool(spool_folder))
        self._api = Api(
            file.keys.server, lambda: file.keys.read_key, timeout=self._timeout, patient=True, calls=self._around.calls
        )
        self._control = Control(self._api)
        self._breaker = Breaker()
        self._wake = threading.Event()
        self._signals = 0
        self._config: Configuration | None = None
        self._applied = ""
        self._reasons: list[str] = []
        self._sessions: dict[str, Session] = {}  # by interface, or file
        self._ending: list[Session] = []
        self._read = ("", "", "")  # a file that was read: its name, why not to its end, and the revision that said so
        self._spool_open = False
        self._names: dict[str, list[str]] = {}
        self._resolved = self._next_poll = self._next_status = self._next_apply = 0.0
        self._told: tuple[str, str, str] = ("", "", "")
        self._began, self._began_at = time.monotonic(), time.time()
        self._rate_from = (time.monotonic(), 0)
        self._captures = 0
        self._processor = host.Processor()

    # ---- the loop ------------------------------------------------------------------------------

    def run(self) -> int:
        """Until a signal, the end of the time to live, or the server's revocation; returns the exit status."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._on_signal)
        status, why = 0, "the agent was stopped"
        try:
            if os.path.isdir(self._around.spool.folder):
                problem = self._open_spool()
                if problem:
                    self._say(problem)
            while not self._signals:
                self._step()
                if self._is_over():
                    why = "its time to live is over"
                    break
                self._wake.wait(TICK)
                self._wake.clear()
        except AgentError as error:
            self._say("error: " + str(error))
            status, why = error.status, ""
        self._end(why)
        return status

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._signals += 1
        self._wake.set()
        if self._signals > 1:
            raise KeyboardInterrupt

    def _step(self) -> None:
        now = time.monotonic()
        self._around.gate.look()
        if now >= self._next_poll and self._breaker.lets(now, 0):
            self._next_poll = now + self._settings.poll_seconds
            self._poll(now)
        failed = any(session.ended for session in self._sessions.values())
        again = self._reasons and now >= self._next_apply
        if self._config and (failed or again or now - self._resolved >= RESOLVE_SECONDS):
            self._apply()
        changed = self._told != self._state() and self._config is not None
        if (now >= self._next_status or changed) and self._breaker.lets(now, 0):
            self._next_status = now + self._settings.status_seconds
            self._tell(*self._state())

    @property
    def _settings(self) -> Settings:
        return self._config.settings if self._config else DEFAULTS

    def _is_over(self) -> bool:
        life = self._settings.time_to_live
        return bool(life) and time.monotonic() - self._began >= life

    def _connect(self) -> Api:
        keys = self._file
        return Api(
            keys.keys.server, lambda: keys.keys.upload_key,
            timeout=self._timeout, patient=True, calls=self._around.calls,
        )  # fmt: skip

    def _timeout(self) -> float:
        return float(self._settings.api_timeout)

    # ---- configuration -------------------------------------------------------------------------

    def _poll(self, now: float) -> None:
        answer = self._control.configuration()
        if isinstance(answer, Failure):
            self._failed(answer, now)
            return
        self._breaker.succeeded()
        if not isinstance(answer, Unchanged):
            self._config = answer
            self._apply()

    def _failed(self, why: Failure, now: float) -> None:
        if self._breaker.failed(now):
            self._say(f"{why.message}; trying again")

    def _apply(self) -> None:
        """Make the captures what the configuration says. What cannot be done is in the reasons and is tried again."""
        config = self._config
        if config is None:
            return
        now, gate = time.monotonic(), self._around.gate
        self._next_apply = now + config.settings.poll_seconds
        if now - self._resolved >= RESOLVE_SECONDS:
            self._resolved, self._names = now, {}
        gate.rate_limit, gate.cpu_limit = config.settings.rate_limit, config.settings.cpu_limit
        problem = self._open_spool() if config.settings.spool and not self._spool_open else ""
        self._around.spool.quota = config.settings.spool if self._spool_open else 0
        self._reasons = [problem] if problem else []
        try:
            wanted = self._wanted(config)
        except AgentError as error:
            self._reasons.append(str(error))
            wanted = []
        for name in [name for name in self._sessions if name not in wanted]:
            self._drop(name)
        for name in wanted:
            problem = config.problems.get(name) or config.problems.get("") or self._follow(name, config, len(wanted))
            if problem:
                self._reasons.append(problem)
        if not self._reasons and self._applied != config.revision:
            self._applied = config.revision
            self._say(f"configuration {config.revision[:8]} is in force")

    def _wanted(self, config: Configuration) -> list[str]:
        if not config.capturing:
            self._read = ("", "", "")
            return []
        if config.mode == "FILE":
            if not config.settings.file:
                raise AgentError("the configuration names no file")
            file, reason, revision = self._read
            if file == config.settings.file and (not reason or revision == config.revision):
                if reason:
                    raise AgentError(reason)
                return []
            return [config.settings.file]
        return list(dict.fromkeys(config.settings.interfaces))

    def _follow(self, name: str, config: Configuration, share: int) -> str:
        """Start or change one capture; why it cannot be done, or nothing."""
        session = self._sessions.get(name)
        if session is not None and session.ended:
            self._drop(name)
            if config.mode == "FILE":
                self._read = (name, session.reason, config.revision)
                return session.reason
            self._say(f"{name}: {session.reason}")
            session = None
        try:
            orders = self._orders(name, config, share)
            if session is not None:
                session.update(orders)
                return ""
            around = self._around
            made = FileSession(around, orders) if config.mode == "FILE" else LiveSession(around, orders, name)
            made.start()
        except AgentError as error:
            return str(error)
        self._sessions[name] = made
        self._captures += 1
        self._say(f"capturing {name}")
        return ""

    def _orders(self, name: str, config: Configuration, share: int) -> Orders:
        settings, live = config.settings, config.mode != "FILE"
        program = config.programs.get(name)
        if live and settings.filter and not program:
            self._control.forget()  # the server compiles for interfaces that it knows: it will know this one soon
            raise AgentError(f"{name}: the server has not compiled the filter for it yet")
        return Orders(
            settings, share, self._compress(settings), program or (), self._networks(settings) if live else (),
            self._api.addresses() if live else (), self._api.port,
        )  # fmt: skip

    def _compress(self, settings: Settings) -> Any:
        """zstd, unless it is not there, not wanted, or the server is on this host."""
        near = settings.compression == "auto" and self._api.host.startswith(LOCAL)
        return None if settings.compression == "none" or near else compressor()

    def _networks(self, settings: Settings) -> list[Network]:
        """What the blacklists leave out; names by the addresses they have now."""
        found: dict[Network, None] = {}
        for text in settings.address_blacklist:
            try:
                found[ip_network(text, strict=False)] = None
            except ValueError as error:
                raise AgentError(f"address_blacklist: {error}") from error
        for name in settings.host_blacklist:
            if name not in self._names:
                self._names[name] = _resolve(name)
            for address in self._names[name]:
                found[ip_network(address)] = None
        return list(found)

    def _drop(self, name: str) -> None:
        session = self._sessions.pop(name)
        session.stop()
        self._ending.append(session)
        self._say(f"stopped capturing {name}")

    def _open_spool(self) -> str:
        """Take the spool, and send what an earlier run left in it. Why it cannot be used, or nothing: without one the
        captures go on in memory."""
        try:
            left = self._around.spool.open()
        except AgentError as error:
            return str(error)
        self._spool_open = True
        for kept in left:
            session = LeftSession(self._around, Orders(self._settings, 1, None), kept)
            self._say(f"sending what an earlier run left of {kept.interface}")
            session.start()
            self._ending.append(session)
        return ""

    # ---- status --------------------------------------------------------------------------------

    def _state(self) -> tuple[str, str, str]:
        """State, reason, and the revision in force."""
        config = self._config
        if config is None:
            return "starting", "", ""
        if self._reasons:
            return "wrong", "; ".join(self._reasons)[:500], self._applied
        if not config.capturing:
            return "stopped", "", self._applied
        if config.mode == "FILE" and not self._sessions:
            return "stopped", f"{config.settings.file} was read to its end", self._applied
        paused = self._around.gate.paused()
        return ("paused", paused, self._applied) if paused else ("capturing", "", self._applied)

    def _tell(self, state: str, reason: str, applied: str) -> None:
        now = time.monotonic()
        if self._told[:2] != (state, reason):
            self._say(f"{state}: {reason}" if reason else state)
        self._told = (state, reason, applied)
        said = self._control.status({
            "state": state, "reason": reason, "applied": applied, "version": VERSION,
            "interfaces": host.interfaces(), "figures": self._figures(now),
        })  # fmt: skip
        if isinstance(said, Failure):
            self._failed(said, now)
            return
        self._breaker.succeeded()
        if said.rotate:
            self._rotate(said.rotate)
        if self._config is None or said.revision != self._config.revision:
            self._next_poll = now

    def _rotate(self, keys: Any) -> None:
        """Use new keys once they are on disk; the server forgets the old ones when it sees a new one."""
        try:
            self._file.change(str(keys["upload_key"]), str(keys["read_key"]))
        except (OSError, KeyError) as error:
            self._say(f"new keys cannot be kept: {error}")
            return
        self._say("the server changed the keys")
        self._next_poll = 0.0

    def _figures(self, now: float) -> dict[str, float]:
        counts = self._around.counts
        for session in self._sessions.values():
            if isinstance(session, LiveSession):
                session.count_filtered()
        then, before = self._rate_from
        total = counts["bytes_total"]
        self._rate_from = (now, total)
        names = ("bytes_total", "packets_captured", "packets_filtered", "dropped_kernel", "dropped_queue",
                 "dropped_limit", "dropped_breaker")  # fmt: skip
        self._ending = [session for session in self._ending if session.alive]
        return {
            "cpu": self._processor.percent(),
            "memory": host.memory(),
            "started": self._began_at,
            "bytes_second": round((total - before) / max(now - then, 0.1)),
            **{name: counts[name] for name in names},
            **self._around.calls.figures(),
            "chunks_waiting": sum(s.uploader.waiting for s in [*self._sessions.values(), *self._ending]),
            "spool_bytes": self._around.spool.used,
            "captures": self._captures,
        }

    # ---- the end -------------------------------------------------------------------------------

    def _end(self, why: str) -> None:
        """Stop all captures, send or keep what there is, say goodbye. A second signal ends at once."""
        try:
            for name in list(self._sessions):
                self._drop(name)
            spooling = self._settings.spool > 0
            until = time.monotonic() + ((LAST_WITH_SPOOL if spooling else LAST_WITHOUT) if why else 0.5)
            for session in self._ending:
                session.uploader.hurry(max(until - time.monotonic(), 0.1))
            for session in self._ending:
                session.join(max(until - time.monotonic(), 0.0) + (12.0 if spooling else 0.5))
            if why and self._config is not None and not self._breaker.failing_since:
                self._reasons = []
                self._tell("stopped", why, self._applied)
        except KeyboardInterrupt:
            self._say("ended at once; what was not sent is lost, or waits in the spool")
        except RevokedError:
            self._say("the server revoked this agent")
        for session in self._ending:
            session.uploader.stop()


def _resolve(name: str) -> list[str]:
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except OSError:
        return []
    return sorted({str(entry[4][0]).partition("%")[0] for entry in found})
