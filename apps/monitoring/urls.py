"""Addresses of monitoring: pages, and the API beside them."""

from django.urls import path

from apps.monitoring.api.storage import StorageApi
from apps.monitoring.views import storage

urlpatterns = [
    path("monitoring/storage/", storage.page, name="monitoring-storage"),
    path("monitoring/storage/policy/", storage.policy_action, name="monitoring-policy"),
    path("monitoring/storage/policy/delete/", storage.delete_action, name="monitoring-policy-delete"),
    path("api/v1/monitoring/storage/", StorageApi.as_view(), name="api-monitoring-storage"),
]
