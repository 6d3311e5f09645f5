"""The Celery application. Queues, routes and the schedule are in the settings; tasks are in `tasks/`, by queue."""

import os

from celery import Celery
from celery.signals import beat_init, setup_logging, task_prerun, worker_init
from django.db import close_old_connections

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "spider_site.settings")

app = Celery("spider")
app.config_from_object("django.conf:settings", namespace="CELERY")


@setup_logging.connect
def _keep_our_logging(**_: object) -> None:
    """Connecting a receiver keeps Celery from replacing the logging of the settings."""


@task_prerun.connect
def _look_at_connections(**_: object) -> None:
    """Let go of a database connection that broke or is old, as Django does before a request."""
    close_old_connections()


@worker_init.connect
def _look_before_work(**_: object) -> None:
    from apps.core import startup  # the settings are ready by now

    startup.look("worker")


@beat_init.connect
def _look_before_beat(**_: object) -> None:
    from apps.core import startup

    startup.look("beat")
