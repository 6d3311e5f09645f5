"""Registration of the app with Django."""

from django.apps import AppConfig


class MonitoringConfig(AppConfig):
    """The health of everything: accounting, queues, hosts."""

    name = "apps.monitoring"
    label = "monitoring"
