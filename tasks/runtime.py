"""What every task of a worker process shares: the connection, the bounds of parsing, and what is known of a capture."""

import gc
import itertools
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, lru_cache

from django.conf import settings

from apps.captures.models import Capture, Spool
from apps.captures.services import flow_key
from apps.core.servers import chunk_store
from documents.build import Context
from documents.rules import ParsingRules
from store.redis.connection import Link
from tasks import rules
from tasks.rules import rules_of
from wire.limits import DEFAULT, SECOND, Limits

#: Tasks between two looks for garbage in cycles of any age.
COLLECT_ALL_EVERY = 64
_tasks = itertools.count()
#: Captures that a process remembers.
REMEMBERED = 1_000


@dataclass(frozen=True, slots=True)
class CaptureFacts:
    """What the workers need of a capture's row, none of which changes while the capture lives, and the rules that its
    documents are made by now."""

    id: str
    partitions: int
    policy: str
    key: bytes
    context: Context
    spooled: bool  # whether its file was still being cut when we first looked: then it waits for room


_facts: dict[str, CaptureFacts] = {}


@cache
def limits() -> Limits:
    """The bounds of parsing, from the settings."""
    return Limits(
        body_bytes=settings.BODY_LIMIT,
        body_text_bytes=settings.BODY_TEXT,
        gap_bytes=settings.GAP_BYTES,
        gap_time=int(settings.GAP_SECONDS * SECOND),
        idle_time=settings.SESSION_IDLE_SECONDS * SECOND,
        decoded_bytes=max(DEFAULT.decoded_bytes, settings.BODY_LIMIT),
    )


def facts(capture: str) -> CaptureFacts:
    """Raises Capture.DoesNotExist when its whisperer was deleted meanwhile."""
    by = rules_of(_whisperer(capture))
    known = _facts.get(capture)
    if known is None or known.context.rules is not by:
        if len(_facts) >= REMEMBERED:
            _facts.clear()
        known = _facts[capture] = _read(capture, by)
    return known


def forget() -> None:
    """Read captures and rules anew."""
    _whisperer.cache_clear()
    _facts.clear()
    rules.forget()


@lru_cache(maxsize=REMEMBERED)
def _whisperer(capture: str) -> str:
    return str(Capture.objects.get(pk=capture).whisperer_id)


def _read(capture: str, by: ParsingRules) -> CaptureFacts:
    row = Capture.objects.get(pk=capture)
    context = Context(
        whisperer=str(row.whisperer_id),
        capture=row.pk,
        mask_key=settings.MASK_KEY,
        instance=row.instance,
        interface=row.interface,
        policy=row.policy,
        limits=by.limits(limits()),
        rules=by,
    )
    spooled = Spool.objects.filter(pk=capture).exists()
    return CaptureFacts(row.pk, row.partitions, row.policy, flow_key(row.pk), context, spooled)


def new_token() -> str:
    """Names one take of a piece of work."""
    return secrets.token_hex(8)


@contextmanager
def work_link() -> Iterator[Link]:
    """A connection for one task, with the garbage collector at rest meanwhile.

    What a task builds is let go by reference counts; looking for cycles among a chunk's thousands of messages costs a
    quarter of the time, so it is done between tasks.
    """
    resting = gc.isenabled()
    gc.disable()
    try:
        with chunk_store().link() as link:
            yield link
    finally:
        _collect()
        if resting:
            gc.enable()


def _collect() -> None:
    """Look for cycles among what is young, rarely among all; the program itself is set aside at the first look."""
    number = next(_tasks)
    if number == 0:
        gc.freeze()
    gc.collect(2 if number % COLLECT_ALL_EVERY == 0 else 1)
