"""Wiring only: settings, addresses, the Celery application and the programs that start everything."""

from spider_site.celery import app as celery_app

__all__ = ["celery_app"]
