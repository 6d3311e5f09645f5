"""Addresses that agents call, besides those for chunks."""

from django.urls import path

from apps.whisperers.agentapi import ConfigApi, EnrolApi, StatusApi, agent_zipapp

urlpatterns = [
    path("agent/spider-agent.pyz", agent_zipapp, name="agent-zipapp"),
    path("api/v1/agent/enrol/", EnrolApi.as_view(), name="agent-enrol"),
    path("api/v1/agent/config/", ConfigApi.as_view(), name="agent-config"),
    path("api/v1/agent/status/", StatusApi.as_view(), name="agent-status"),
]
