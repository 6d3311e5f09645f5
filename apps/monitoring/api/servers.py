"""Servers, breakers and what waits."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api import ErrorSerializer
from apps.monitoring.api.storage import DiskSerializer
from apps.monitoring.selectors.servers import servers
from apps.whisperers.api.base import StaffApi


class ServerSerializer(serializers.Serializer):
    """One server."""

    name = serializers.CharField()
    ok = serializers.BooleanField(help_text="Whether it answers and takes what it is for.")
    version = serializers.CharField()
    detail = serializers.CharField(help_text="What is wrong; empty when nothing is.")


class BreakerSerializer(serializers.Serializer):
    """A circuit breaker."""

    name = serializers.CharField()
    guards = serializers.CharField()
    state = serializers.CharField(help_text="closed, open, or halfOpen while one call tries.")
    failures = serializers.IntegerField(help_text="In a row, so far.")
    since = serializers.DateTimeField(allow_null=True, help_text="When it opened; null while it is closed.")
    trips = serializers.IntegerField(help_text="How often it opened.")
    tripped = serializers.DateTimeField(allow_null=True, help_text="When it last did.")
    reason = serializers.CharField(help_text="Of the last failure.")


class LevelSerializer(serializers.Serializer):
    """Bytes that wait in Redis: chunks, documents going out, state of sessions."""

    name = serializers.CharField()
    bytes = serializers.IntegerField()
    limit = serializers.IntegerField()


class ServersSerializer(serializers.Serializer):
    """All of it, as of now."""

    servers = ServerSerializer(many=True)
    breakers = BreakerSerializer(many=True)
    levels = LevelSerializer(many=True)
    waiting = serializers.DictField(child=serializers.IntegerField(), help_text="Items and outbox entries, by name.")
    queues = serializers.DictField(child=serializers.IntegerField(), help_text="Messages by queue.")
    pollers = serializers.IntegerField(allow_null=True, help_text="Those at work; null when nobody can tell.")
    keys = serializers.IntegerField(allow_null=True)
    disks = DiskSerializer(many=True)


class ServersApi(StaffApi):
    """`/api/v1/monitoring/servers/`"""

    @extend_schema(
        operation_id="monitoring_servers",
        summary="The servers, their breakers, and what waits",
        description="For staff. Answers whatever is away.",
        responses={200: ServersSerializer, 401: ErrorSerializer, 403: ErrorSerializer},
    )
    def get(self, request: Request) -> Response:
        self.check_staff(request)
        found: Any = servers()
        return Response(ServersSerializer(found).data)
