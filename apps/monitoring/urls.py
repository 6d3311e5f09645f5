"""Addresses of monitoring: pages, and the API beside them."""

from django.urls import path

from apps.monitoring.api import packets as packets_api
from apps.monitoring.api.aside import AsideAgainApi, AsideListApi
from apps.monitoring.api.servers import ServersApi
from apps.monitoring.api.storage import DropApi, StorageApi
from apps.monitoring.views import aside, packets, servers, storage

API = "api/v1/monitoring/"

urlpatterns = [
    path("monitoring/", packets.packets_page, name="monitoring"),
    path("monitoring/aside/", aside.page, name="monitoring-aside"),
    path("monitoring/aside/again/", aside.again_action, name="monitoring-aside-again"),
    path("monitoring/servers/", servers.page, name="monitoring-servers"),
    path("monitoring/storage/", storage.page, name="monitoring-storage"),
    path("monitoring/storage/policy/", storage.policy_action, name="monitoring-policy"),
    path("monitoring/storage/policy/delete/", storage.delete_action, name="monitoring-policy-delete"),
    path("monitoring/storage/drop/", storage.drop_action, name="monitoring-day-drop"),
    path(API + "packets/", packets_api.PacketsApi.as_view(), name="api-monitoring-packets"),
    path(API + "alarms/", packets_api.AlarmsApi.as_view(), name="api-monitoring-alarms"),
    path(API + "aside/", AsideListApi.as_view(), name="api-monitoring-aside"),
    path(API + "aside/<str:id>/again/", AsideAgainApi.as_view(), name="api-monitoring-aside-again"),
    path(API + "servers/", ServersApi.as_view(), name="api-monitoring-servers"),
    path(API + "storage/", StorageApi.as_view(), name="api-monitoring-storage"),
    path(API + "storage/drop/", DropApi.as_view(), name="api-monitoring-day-drop"),
]
