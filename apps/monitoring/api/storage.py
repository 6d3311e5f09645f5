"""What is stored, by day, resource and storage policy."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api import ErrorSerializer
from apps.monitoring.selectors.storage import storage
from apps.whisperers.api.base import WRITE, Input, StaffApi, read_input
from apps.whisperers.services.policies import day_drop


class StoredDaySerializer(serializers.Serializer):
    """A day of a resource under a storage policy."""

    resource = serializers.CharField()
    policy = serializers.CharField()
    day = serializers.DateField(help_text="The day on which its chunks were accepted (UTC).")
    documents = serializers.IntegerField(help_text="As the engine estimates.")
    bytes = serializers.IntegerField()
    last = serializers.DateField(allow_null=True, help_text="The last day it is kept; null: for ever.")


class DiskSerializer(serializers.Serializer):
    """A disk by what lies on it."""

    holds = serializers.CharField()
    free = serializers.IntegerField(help_text="Bytes.")


class StorageSerializer(serializers.Serializer):
    """Everything that is stored."""

    days = StoredDaySerializer(many=True)
    disks = DiskSerializer(many=True)
    short = DiskSerializer(allow_null=True, help_text="A disk that is nearly full: chunks are refused.")
    away = serializers.CharField(help_text="Why the document store did not answer; empty when it did.")
    behind = serializers.CharField(help_text="What old days lack, and what to run; empty when nothing.")


class StorageApi(StaffApi):
    """`/api/v1/monitoring/storage/`"""

    @extend_schema(
        operation_id="monitoring_storage",
        summary="What is stored, and until when",
        description="For staff.",
        responses={200: StorageSerializer, 401: ErrorSerializer, 403: ErrorSerializer},
    )
    def get(self, request: Request) -> Response:
        self.check_staff(request)
        found: Any = storage()
        return Response(StorageSerializer(found).data)


class DropInput(Input):
    """A day of a resource under a storage policy."""

    resource = serializers.CharField(max_length=20)
    day = serializers.DateField()
    policy = serializers.CharField(max_length=31)


class DropApi(StaffApi):
    """`POST /api/v1/monitoring/storage/drop/`"""

    @extend_schema(
        operation_id="monitoring_day_drop",
        summary="Drop a day before its time",
        description="For staff. It goes in the background, but for what is pinned of it. It cannot be undone.",
        request=DropInput,
        responses={202: None, **WRITE},
    )
    def post(self, request: Request) -> Response:
        self.check_staff(request)
        given = read_input(DropInput, request)
        day_drop(**given | {"day": f"{given['day']:%Y%m%d}"}, actor=request.user)
        return Response(status=202)
