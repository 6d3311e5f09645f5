"""Addresses of monitoring: pages, and the API beside them."""

from django.urls import path

from apps.monitoring.api import packets as packets_api
from apps.monitoring.views import packets

urlpatterns = [
    path("monitoring/", packets.packets_page, name="monitoring"),
    path("api/v1/monitoring/packets/", packets_api.PacketsApi.as_view(), name="api-monitoring-packets"),
    path("api/v1/monitoring/alarms/", packets_api.AlarmsApi.as_view(), name="api-monitoring-alarms"),
]
