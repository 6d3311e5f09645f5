"""Addresses of monitoring: pages, and the API beside them."""

from django.urls import path

from apps.monitoring.api import packets as packets_api
from apps.monitoring.api.aside import AsideAgainApi, AsideListApi
from apps.monitoring.api.reprocessing import ReprocessingApi, ReprocessingPlanApi, ReprocessingsApi
from apps.monitoring.api.servers import ServersApi
from apps.monitoring.api.storage import DropApi, StorageApi
from apps.monitoring.views import aside, packets, reprocessing, servers, storage

API = "api/v1/monitoring/"
RUNS = "whisperers/<uuid:id>/reprocessing/"
RUNS_API = "api/v1/whisperers/<uuid:id>/reprocessings/"

urlpatterns = [
    path("monitoring/", packets.packets_page, name="monitoring"),
    path("monitoring/aside/", aside.page, name="monitoring-aside"),
    path("monitoring/aside/again/", aside.again_action, name="monitoring-aside-again"),
    path("monitoring/servers/", servers.page, name="monitoring-servers"),
    path("monitoring/storage/", storage.page, name="monitoring-storage"),
    path("monitoring/storage/policy/", storage.policy_action, name="monitoring-policy"),
    path("monitoring/storage/policy/delete/", storage.delete_action, name="monitoring-policy-delete"),
    path("monitoring/storage/drop/", storage.drop_action, name="monitoring-day-drop"),
    path(RUNS, reprocessing.page, name="whisperer-reprocessing"),
    path(RUNS + "list/", reprocessing.part, name="whisperer-reprocessing-list"),
    path(RUNS + "start/", reprocessing.start_action, name="whisperer-reprocessing-start"),
    path(RUNS + "<uuid:run>/cancel/", reprocessing.cancel_action, name="whisperer-reprocessing-cancel"),
    path(RUNS_API, ReprocessingsApi.as_view(), name="api-reprocessings"),
    path(RUNS_API + "plan/", ReprocessingPlanApi.as_view(), name="api-reprocessing-plan"),
    path(RUNS_API + "<uuid:run>/", ReprocessingApi.as_view(), name="api-reprocessing"),
    path(API + "packets/", packets_api.PacketsApi.as_view(), name="api-monitoring-packets"),
    path(API + "alarms/", packets_api.AlarmsApi.as_view(), name="api-monitoring-alarms"),
    path(API + "aside/", AsideListApi.as_view(), name="api-monitoring-aside"),
    path(API + "aside/<str:id>/again/", AsideAgainApi.as_view(), name="api-monitoring-aside-again"),
    path(API + "servers/", ServersApi.as_view(), name="api-monitoring-servers"),
    path(API + "storage/", StorageApi.as_view(), name="api-monitoring-storage"),
    path(API + "storage/drop/", DropApi.as_view(), name="api-monitoring-day-drop"),
]
