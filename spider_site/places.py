"""Where things are: the checkout, the data folder, its keys, and the addresses of the servers.

An address that the environment gives wins; otherwise it is that of the server `make run` starts on its own port.
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from spider_site.environment import number, text

BASE = Path(__file__).resolve().parent.parent


def data_folder() -> Path:
    """The data folder; a relative one is taken from the checkout, wherever a command was started."""
    return BASE / Path(text("SPIDER_DATA")).expanduser()


def kept_secret(name: str, size: int = 48) -> str:
    """The secret kept as file `name` in the data folder, made at first use (readable by its owner alone)."""
    path = data_folder() / name
    try:
        return path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o711)
    # Several processes may start at once: write aside, then link; whoever comes second reads the first one's.
    aside = path.with_name(f"{name}.{os.getpid()}")
    aside.touch(mode=0o600)
    aside.write_text(secrets.token_urlsafe(size) + "\n", encoding="ascii")
    with suppress(FileExistsError):
        os.link(aside, path)
    aside.unlink()
    return path.read_text(encoding="ascii").strip()


def database_url() -> str:
    """PostgreSQL of the site, and of the documents where there is no Elasticsearch."""
    if text("SPIDER_DATABASE_URL"):
        return text("SPIDER_DATABASE_URL")
    return f"postgresql://spider:{kept_secret('postgres-password')}@127.0.0.1:{number('SPIDER_POSTGRES_PORT')}/spider"


def redis_url() -> str:
    """Redis of chunks, partitions and outbox."""
    if text("SPIDER_REDIS_URL"):
        return text("SPIDER_REDIS_URL")
    return f"redis://:{kept_secret('redis-password')}@127.0.0.1:{number('SPIDER_REDIS_PORT')}/0"


def broker_url() -> str:
    """Redis of Celery's messages: database 1 beside the data unless told otherwise."""
    if text("SPIDER_BROKER_URL"):
        return text("SPIDER_BROKER_URL")
    return urlunsplit(urlsplit(redis_url())._replace(path="/1"))
