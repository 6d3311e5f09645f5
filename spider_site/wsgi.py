"""The WSGI application that gunicorn serves. It does not start on tables that are not there (apps/core/startup.py)."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "spider_site.settings")
application = get_wsgi_application()

from apps.core import startup  # noqa: E402 - after the settings

startup.look("web")
