"""Flower behind a login, without its /metrics page, which would answer without one. `python -m spider_site.flower`."""

from __future__ import annotations

import os
from typing import Any

from flower import urls
from flower.views.monitor import Metrics
from tornado.web import URLSpec

from spider_site import places
from spider_site.celery import app
from spider_site.environment import number, text


def main() -> None:
    """Run Flower until it is told to stop; the login goes in by the environment, which no process list shows."""
    urls.handlers[:] = [handler for handler in urls.handlers if _target(handler) is not Metrics]
    password = text("SPIDER_FLOWER_PASSWORD") or places.kept_secret("password", 12)
    os.environ["FLOWER_BASIC_AUTH"] = f"{text('SPIDER_FLOWER_USER')}:{password}"
    os.environ["FLOWER_ADDRESS"] = text("SPIDER_HOST")
    os.environ["FLOWER_PORT"] = str(number("SPIDER_FLOWER_PORT"))
    app.start(["flower"])


def _target(handler: URLSpec | tuple[Any, ...]) -> object:
    """The class that answers a route: Flower names some routes and lists the others as plain pairs."""
    return handler.handler_class if isinstance(handler, URLSpec) else handler[1]


if __name__ == "__main__":
    main()
