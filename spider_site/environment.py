"""Every environment variable that Spider reads, in one typed table.

A setting is declared once, below, with its type, default and one line of documentation; `env()` reads it and refuses a
name that is not in the table. A secret may be given as a file (`SPIDER_SECRET_KEY_FILE=/run/secrets/key`): a file that
is named but cannot be read stops the program. `docs/settings.md` is made from this table by `make docs`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

type_names = {str: "text", int: "number", float: "number", bool: "yes or no", list: "list, by commas"}
Value = str | int | float | bool | list[str]


class SettingError(ValueError):
    """A variable holds what its type does not allow, or its secret file cannot be read."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One variable: its group is the heading it stands under on the settings page."""

    name: str
    type: type
    default: Value
    doc: str
    group: str
    secret: bool = False

    def read(self, environment: Mapping[str, str]) -> Value:
        """The value in `environment`, or the default when it is absent or empty."""
        text = self._text(environment)
        if text is None or text == "":
            return self.default
        try:
            return _convert(self.type, text)
        except ValueError:
            shown = "its value" if self.secret else repr(text)
            raise SettingError(f"{self.name}: {shown} is not a {type_names[self.type]}") from None

    def _text(self, environment: Mapping[str, str]) -> str | None:
        file_name = environment.get(f"{self.name}_FILE") if self.secret else None
        if not file_name:
            return environment.get(self.name)
        try:
            return Path(file_name).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise SettingError(f"{self.name}_FILE: cannot read {file_name}: {error.strerror}") from error


def _convert(type_: type, text: str) -> Value:
    if type_ is bool:
        if text.lower() not in {"1", "0", "true", "false", "yes", "no", "on", "off"}:
            raise ValueError(text)
        return text.lower() in {"1", "true", "yes", "on"}
    if type_ is list:
        return [part.strip() for part in text.split(",") if part.strip()]
    value: Value = type_(text)
    return value


SETTINGS: dict[str, Setting] = {}


def _declare(group: str, *rows: tuple[str, type, Value, str] | tuple[str, type, Value, str, bool]) -> None:
    for row in rows:
        SETTINGS[row[0]] = Setting(row[0], row[1], row[2], row[3], group, len(row) > 4 and bool(row[4]))


SECRET = True

_declare(
    "Site",
    (
        "SPIDER_HOST",
        str,
        "127.0.0.1",
        "Address the web server listens on; 0.0.0.0 lets other hosts in (name this one in SPIDER_ALLOWED_HOSTS).",
    ),
    ("SPIDER_PORT", int, 8000, "Port of the web server."),
    ("SPIDER_ALLOWED_HOSTS", list, ["localhost", "127.0.0.1", "[::1]"], "Host names the site answers to; * for any."),
    (
        "SPIDER_TRUSTED_ORIGINS",
        list,
        [],
        "Origins (https://spider.example) that forms may be sent from behind a proxy.",
    ),
    (
        "SPIDER_HTTPS",
        bool,
        False,
        "The site stands behind a proxy that speaks HTTPS and sets X-Forwarded-Proto: secure cookies, HSTS.",
    ),
    (
        "SPIDER_BEHIND_PROXY",
        bool,
        False,
        "Count failed logins by the last address of X-Forwarded-For: only behind a proxy that sets it.",
    ),
    (
        "SPIDER_SECRET_KEY",
        str,
        "",
        "Key that signs sessions; when empty, one is made and kept in the data folder.",
        SECRET,
    ),
    (
        "SPIDER_MASK_KEY",
        str,
        "",
        "Key of the hash that stands for masked credentials; when empty, one is made and kept in the data folder.",
        SECRET,
    ),
    ("SPIDER_TIME_ZONE", str, "UTC", "Time zone of server-side pages; the search screens use the browser's."),
    ("SPIDER_DEBUG", bool, False, "Error pages with their trace. Never where others can reach the site."),
    ("SPIDER_LOG_LEVEL", str, "INFO", "Least serious level that is logged."),
    ("SPIDER_LOG_JSON", bool, False, "Log one JSON object a line instead of text for people."),
)
_declare(
    "Servers",
    (
        "SPIDER_DATABASE_URL",
        str,
        "",
        "PostgreSQL (postgresql://user:password@host/name); when empty, `make run` starts its own.",
        SECRET,
    ),
    (
        "SPIDER_REDIS_URL",
        str,
        "",
        "Redis 7.2 or newer, or Valkey, with append-only file; when empty, `make run` starts its own.",
        SECRET,
    ),
    ("SPIDER_BROKER_URL", str, "", "Redis for Celery's messages; when empty, database 1 of the server above.", SECRET),
    (
        "SPIDER_ELASTICSEARCH_URL",
        str,
        "",
        "Elasticsearch 8.19 or 9 for documents; when empty, they are kept in PostgreSQL.",
        SECRET,
    ),
    ("SPIDER_DATABASE_SECONDS", float, 20.0, "Seconds after which a statement on the site's own tables is given up; migrations have no limit."),
    ("SPIDER_BREAKER_FAILURES", int, 3, "Failures of a server in a row after which it is left alone for a moment (circuit breaker)."),
    ("SPIDER_BREAKER_SECONDS", float, 2.0, "Seconds until one call tries a server again that was left alone."),
)
_declare(
    "make run",
    (
        "SPIDER_DATA",
        str,
        ".data",
        "Folder of everything `make run` keeps: database, Redis files, uploads, keys, password.",
    ),
    ("SPIDER_CACHE", str, "", "Folder for downloads such as Elasticsearch; when empty, the user's cache folder."),
    ("SPIDER_POSTGRES_PORT", int, 15432, "Port of the PostgreSQL that `make run` starts."),
    ("SPIDER_REDIS_PORT", int, 16379, "Port of the Valkey that `make run` starts."),
    ("SPIDER_FLOWER_PORT", int, 5555, "Port of Flower, the page of the Celery workers; 0 leaves it out."),
    ("SPIDER_FLOWER_USER", str, "spider", "Login of Flower."),
    (
        "SPIDER_FLOWER_PASSWORD",
        str,
        "",
        "Password of Flower; when empty, the one of the first user, kept in the data folder.",
        SECRET,
    ),
    ("SPIDER_ELASTICSEARCH_PORT", int, 19200, "Port of the Elasticsearch that `make elasticsearch` starts."),
    ("SPIDER_ELASTICSEARCH_VERSION", str, "8.19.8", "Version of the Elasticsearch that `make elasticsearch` fetches."),
    ("SPIDER_WEB_PROCESSES", int, 2, "Processes of the web server."),
    ("SPIDER_WEB_THREADS", int, 8, "Threads of each of them."),
    ("SPIDER_WORKERS", int, 0, "Worker processes that rebuild and parse; 0 is one a core."),
    ("SPIDER_POLLERS", int, 1, "Processes that move documents from Redis to the document store."),
    ("SPIDER_SAMPLE", bool, True, "Replay the sample capture on the first start."),
)
_declare(
    "Limits",
    (
        "SPIDER_CHUNKS_SOFT",
        int,
        320 << 20,
        "Bytes of chunks waiting in Redis above which only the next chunk of a capture is let in.",
    ),
    ("SPIDER_CHUNKS_HARD", int, 512 << 20, "Bytes of chunks waiting in Redis above which none is let in."),
    (
        "SPIDER_CHUNKS_SHARE",
        int,
        192 << 20,
        "Bytes of chunks of one whisperer waiting in Redis above which only the next chunk of a capture of it is let in.",
    ),
    (
        "SPIDER_OUTBOX_LIMIT",
        int,
        512 << 20,
        "Bytes of documents waiting for the store above which partitions wait for the pollers.",
    ),
    (
        "SPIDER_STATE_LIMIT",
        int,
        256 << 20,
        "Bytes of unfinished sessions above which the idlest ones end and less of bodies is kept.",
    ),
    ("SPIDER_CHUNK_LIMIT", int, 32 << 20, "Bytes of one chunk, as sent and decompressed; more is refused (413)."),
    (
        "SPIDER_UPLOAD_LIMIT",
        int,
        64 << 30,
        "Bytes of one uploaded capture file, as sent and decompressed; more is refused (413).",
    ),
    (
        "SPIDER_UPLOAD_SPACE",
        int,
        256 << 30,
        "Bytes that uploaded files may take on disk until they are read; a file for which there is no room is refused (507).",
    ),
    ("SPIDER_UPLOAD_FREE", int, 1 << 30, "Bytes of the disk that uploaded files leave free."),
    ("SPIDER_STORE_FREE", int, 1 << 30, "Bytes that must be free on the disk of the data folder, and left to Elasticsearch until its flood stage; with less, chunks are refused (503) until there is room. 0: never."),
    ("SPIDER_UPLOAD_HOURS", int, 24, "Hours after which the bytes of an upload that nobody goes on with are removed."),
    (
        "SPIDER_QUERY_SECONDS",
        float,
        10.0,
        "Seconds after which a question of a person to the document store is given up.",
    ),
    ("SPIDER_EXPORT_DOCUMENTS", int, 1_000_000, "Communications of one export as JSON, NDJSON or CSV."),
    ("SPIDER_EXPORT_BODIES", int, 20_000, "Communications of one export with whole bodies (HAR)."),
    ("SPIDER_EXPORT_PACKETS", int, 5_000, "Communications of one export of packets (pcap)."),
    ("SPIDER_EXPORT_REQUESTS", int, 2_000, "Requests of one exported script (curl, k6)."),
    ("SPIDER_EXPORT_BYTES", int, 4 << 30, "Bytes at which an export ends."),
    ("SPIDER_WINDOW", int, 8, "Numbers an agent may send ahead of the first chunk that is not done."),
    ("SPIDER_PARTITIONS", int, 8, "Partitions of a file, an upload, or an agent that has not reported its rate."),
    ("SPIDER_REPROCESS_SECONDS", int, 600, "Seconds until the one second try of what failed."),
    ("SPIDER_CAPTURE_IDLE_SECONDS", int, 600, "Seconds of silence after which a capture ends."),
    ("SPIDER_BODY_TEXT", int, 1024, "Bytes of body text kept in a communication's document, for search."),
    ("SPIDER_BODY_LIMIT", int, 8 << 20, "Raw bytes of one body that are kept."),
    ("SPIDER_GAP_BYTES", int, 1 << 20, "Bytes behind a gap after which it is given up."),
    ("SPIDER_GAP_SECONDS", float, 5.0, "Seconds of capture time after which a gap is given up."),
    ("SPIDER_SESSION_IDLE_SECONDS", int, 300, "Seconds of capture time after which a silent TCP session is over."),
    ("SPIDER_RETENTION_DAYS", int, 7, "Days of all other documents kept."),
    ("SPIDER_PACKET_RETENTION_DAYS", int, 2, "Days of packets and bodies kept."),
)
_declare(
    "Tests and benchmarks",
    (
        "SPIDER_TEST_ELASTICSEARCH_URL",
        str,
        "",
        "Elasticsearch for the tests instead of those they start; several by commas.",
    ),
    ("SPIDER_TEST_THOROUGH", int, 1, "How many times as many examples properties are tried on; above 1 drawn anew."),
    ("SPIDER_JAVA_HOME", str, "", "Java for Elasticsearch; when empty, the oldest that is new enough."),
    ("SPIDER_TEST_CHROMIUM", str, "", "Chromium for the browser tests; when empty, the one on the path."),
    ("SPIDER_SCREENSHOTS", str, "", "Folder that the browser tests put pictures of the pages into; none when empty."),
    ("SPIDER_CORPUS", str, "", "Folder of captures of other projects; when empty, shared/corpus beside the checkout."),
    ("SPIDER_BENCH_DATA", str, "", "Folder of the benchmarks' captures; when empty, bench in the data folder."),
)


def env(name: str, environment: Mapping[str, str] | None = None) -> Value:
    """The typed value of the variable `name`; KeyError when the table above does not have it."""
    return SETTINGS[name].read(os.environ if environment is None else environment)


def text(name: str) -> str:
    """`env(name)` of a text setting, for type checkers."""
    return str(env(name))


def number(name: str) -> int:
    """`env(name)` of a whole number, for type checkers."""
    value = env(name)
    if not isinstance(value, int):
        raise TypeError(name)
    return value


def flag(name: str) -> bool:
    """`env(name)` of a yes or no, for type checkers."""
    return bool(env(name))


def items(name: str) -> list[str]:
    """`env(name)` of a list, for type checkers."""
    value = env(name)
    if not isinstance(value, list):
        raise TypeError(name)
    return list(value)
