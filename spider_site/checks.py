"""What Django's `check` says of our own settings.

At every start: limits that contradict each other. With `--deploy`: what a site that others reach should not leave as a
laptop has it, and what its servers say of themselves, with the command that helps. A finding's id stays; the table in
docs/operations.md lists them.
"""

from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.checks import Warning as Caution
from psycopg import OperationalError
from redis.exceptions import RedisError, ResponseError

from apps.core import startup, words
from apps.core.servers import chunk_store, document_store
from spider_site.environment import flag, number, text
from store.documents import StoreError
from store.redis.connection import Link, UnfitServerError, check_server, server_info

#: What one worker may have on its way into Redis beyond the limits.
WORKER_BYTES: Final = 48 << 20
#: What a chunk takes at most, in its own size: itself, its slices, and its packets on their way out.
ROOM: Final = 3
_LOCAL: Final = ("localhost", "127.0.0.1", "::1")


@register(Tags.compatibility)
def limits(**_: Any) -> list[CheckMessage]:
    """Limits that cannot hold together."""
    return list(_limits())


def _limits() -> Iterator[CheckMessage]:
    soft, hard, chunk = settings.CHUNKS_SOFT, settings.CHUNKS_HARD, settings.CHUNK_LIMIT
    if hard - soft < ROOM * chunk:
        yield Error(
            f"Between SPIDER_CHUNKS_SOFT ({words.volume(soft)}) and SPIDER_CHUNKS_HARD ({words.volume(hard)}) there is"
            f" no room for one chunk with its slices and packets ({ROOM} times SPIDER_CHUNK_LIMIT,"
            f" {words.volume(chunk)}): the one that all wait for might never be let in.",
            hint="Raise SPIDER_CHUNKS_HARD, or lower one of the others.",
            id="spider.E001",
        )
    days, heavy = settings.RETENTION_DAYS, settings.PACKET_RETENTION_DAYS
    if days and (not heavy or heavy > days):
        yield Error(
            f"Packets and bodies would be kept longer ({heavy or 'for ever'}) than the communications that lead to "
            f"them ({days} days).",
            hint="Set SPIDER_PACKET_RETENTION_DAYS to at most SPIDER_RETENTION_DAYS.",
            id="spider.E002",
        )
    for name in (
        "SPIDER_WINDOW", "SPIDER_PARTITIONS", "SPIDER_WEB_PROCESSES", "SPIDER_WEB_THREADS", "SPIDER_POLLERS",
        "SPIDER_CHUNKS_SHARE", "SPIDER_BREAKER_FAILURES",
    ):  # fmt: skip
        if number(name) < 1:
            yield Error(f"{name} is {number(name)}.", hint="Give it at least 1.", id="spider.E003")


@register(Tags.security, deploy=True)
def deployment(**_: Any) -> list[CheckMessage]:
    """What others can reach."""
    return list(_deployment())


def _deployment() -> Iterator[CheckMessage]:
    for name, words_ in (("SPIDER_SECRET_KEY", "sessions"), ("SPIDER_MASK_KEY", "equal masked values")):
        if not text(name):
            yield Caution(
                f"{name} is not given: it is made and kept in the data folder, so {words_} are this machine's alone.",
                hint=f"Give {name}, or {name}_FILE, the same to every process.",
                id="spider.W001",
            )
    if not flag("SPIDER_HTTPS"):
        yield Caution(
            "SPIDER_HTTPS is off: passwords and traffic go over the network in clear.",
            hint="Put the site behind a proxy that speaks HTTPS, and set SPIDER_HTTPS=1.",
            id="spider.W002",
        )
    if flag("SPIDER_HTTPS") and not flag("SPIDER_BEHIND_PROXY"):
        yield Caution(
            "SPIDER_BEHIND_PROXY is off although HTTPS comes from a proxy: failed sign-ins count for its address.",
            hint="Set SPIDER_BEHIND_PROXY=1.",
            id="spider.W003",
        )
    if "*" in settings.ALLOWED_HOSTS:
        yield Caution(
            "SPIDER_ALLOWED_HOSTS is *: links in pages follow whatever name a request gives.",
            hint="List the names that the site is reached by.",
            id="spider.W004",
        )
    if settings.DEBUG:
        yield Error(
            "SPIDER_DEBUG is on: who meets an error sees settings, code and traffic.",
            hint="Leave SPIDER_DEBUG out.",
            id="spider.E017",
        )
    yield from _passwords()
    yield from _flower()
    yield from _shares()


def _flower() -> Iterator[CheckMessage]:
    if not number("SPIDER_FLOWER_PORT"):
        return
    password = text("SPIDER_FLOWER_PASSWORD")
    if not password and text("SPIDER_HOST") not in _LOCAL:
        yield Caution(
            f"Flower listens on {text('SPIDER_HOST')} without a password of its own: it takes the first user's.",
            hint="Give SPIDER_FLOWER_PASSWORD, or SPIDER_FLOWER_PORT=0 for none.",
            id="spider.W010",
        )
    if "," in password + text("SPIDER_FLOWER_USER"):
        yield Error(
            "SPIDER_FLOWER_USER or SPIDER_FLOWER_PASSWORD has a comma: Flower reads what is before it as the whole.",
            hint="Choose another, without a comma.",
            id="spider.E019",
        )


def _shares() -> Iterator[CheckMessage]:
    soft, hard, share = settings.CHUNKS_SOFT, settings.CHUNKS_HARD, settings.CHUNKS_SHARE
    if ROOM * settings.CHUNK_LIMIT <= hard - soft < 2 * ROOM * settings.CHUNK_LIMIT:
        yield Caution(
            "A whisperer above its share is let in up to the middle between SPIDER_CHUNKS_SOFT and SPIDER_CHUNKS_HARD,"
            " where there is no room for one of its largest chunks: it may wait until others are done.",
            hint=f"Keep them at least {2 * ROOM} times SPIDER_CHUNK_LIMIT apart.",
            id="spider.W008",
        )
    if share > soft:
        yield Caution(
            f"SPIDER_CHUNKS_SHARE ({words.volume(share)}) is above SPIDER_CHUNKS_SOFT ({words.volume(soft)}): one loud"
            " whisperer keeps all others waiting.",
            hint="Half of SPIDER_CHUNKS_SOFT leaves room for others.",
            id="spider.W011",
        )


def _passwords() -> Iterator[CheckMessage]:
    for name, url in (("SPIDER_REDIS_URL", settings.REDIS_URL), ("SPIDER_BROKER_URL", settings.CELERY_BROKER_URL)):
        parts = urlsplit(url)
        if not parts.password and parts.hostname not in _LOCAL:
            yield Caution(
                f"{name} has no password: who reaches the server reads and changes what is captured.",
                hint="Give Redis a password (requirepass), or keep it in a network of its own.",
                id="spider.W005",
            )
    for url in settings.ELASTICSEARCH_URL.split(",") if settings.ELASTICSEARCH_URL else ():
        parts = urlsplit(url)
        if not parts.password and parts.hostname not in _LOCAL:
            yield Caution(
                f"SPIDER_ELASTICSEARCH_URL ({parts.hostname}) has no login.",
                hint="Use https://user:password@…, or keep it in a network of its own.",
                id="spider.W006",
            )


@register(Tags.database, deploy=True)
def servers(**_: Any) -> list[CheckMessage]:
    """What the servers say of themselves."""
    return [*_migrations(), *_redis(), *_documents()]


def _migrations() -> Iterator[CheckMessage]:
    try:
        missing = startup.missing_migrations()
    except OperationalError as error:
        reason = str(error).strip().splitlines()[0]
        yield Error(f"PostgreSQL cannot be asked: {reason}", hint="See SPIDER_DATABASE_URL.", id="spider.E010")
        return
    if missing:
        yield Error(
            f"The tables are older than the program: {len(missing)} migrations are missing"
            f" ({', '.join(missing[:3])} …). Web and workers do not start.",
            hint="Run: python manage.py migrate",
            id="spider.E011",
        )


def _redis() -> Iterator[CheckMessage]:
    try:
        with chunk_store().link() as link:
            info = server_info(link)
            check_server(link)
            flush = _flush(link)
    except UnfitServerError as error:
        yield Error(f"Redis is not fit: {error}.", hint="See Requirements in docs/operations.md.", id="spider.E012")
        return
    except (RedisError, OSError) as error:
        yield Error(f"Redis cannot be asked: {type(error).__name__}.", hint="See SPIDER_REDIS_URL.", id="spider.E013")
        return
    if flush == b"no":
        yield Error(
            "Redis leaves it to the system when its append-only file is on disk (appendfsync no), so no chunk can be"
            " answered with 202.",
            hint="Set appendfsync to everysec.",
            id="spider.E018",
        )
    most = int(info.get("maxmemory", 0))
    if not most:
        yield Caution(
            "Redis has no maxmemory: what else is put into it takes the machine's memory until something is killed.",
            hint="Set maxmemory; Memory in docs/operations.md says how much.",
            id="spider.W009",
        )
    sums = settings.CHUNKS_HARD + settings.OUTBOX_LIMIT + settings.STATE_LIMIT
    needed = sums + max(number("SPIDER_WORKERS"), 2) * WORKER_BYTES
    if most and most < needed:
        yield Error(
            f"Redis may use {words.volume(most)} (maxmemory), but what waits may take {words.volume(needed)}: it would "
            "refuse what was promised room.",
            hint="Raise maxmemory, or lower SPIDER_CHUNKS_HARD, SPIDER_OUTBOX_LIMIT or SPIDER_STATE_LIMIT.",
            id="spider.E014",
        )


def _flush(link: Link) -> bytes:
    """When the append-only file is forced to disk; empty where the server does not tell."""
    try:
        return b"".join(link.command("CONFIG", "GET", "appendfsync")[1:])
    except ResponseError:
        return b""


def _documents() -> Iterator[CheckMessage]:
    health = document_store().health()
    if not health.ok:
        yield Error(f"The document store: {health.detail}", hint="See SPIDER_ELASTICSEARCH_URL.", id="spider.E015")
        return
    try:
        finding = startup.store_finding(startup.stored_version())
    except StoreError as error:
        yield Error(f"The document store: {error}", hint="See SPIDER_ELASTICSEARCH_URL.", id="spider.E015")
        return
    if finding is None:
        return
    if finding.kind == startup.NEWER:
        yield Error(f"{finding.says} Only beat starts.", hint=f"Run: {finding.run}", id="spider.E016")
    else:
        yield Caution(finding.says, hint=f"Run: {finding.run}", id="spider.W007")
