"""What was put aside, and trying it again."""

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api import ErrorSerializer
from apps.monitoring.selectors import aside
from apps.monitoring.services import aside_again
from apps.whisperers.api.base import READ, REFUSED, PeopleApi


class AsideSerializer(serializers.Serializer):
    """Packets that could not be digested, and what came of their second try."""

    id = serializers.CharField()
    whisperer = serializers.UUIDField()
    capture = serializers.CharField()
    chunk = serializers.IntegerField()
    date = serializers.CharField(help_text="When its chunk was accepted.")
    what = serializers.CharField(help_text="chunk, rows or session.")
    packets = serializers.IntegerField(allow_null=True)
    state = serializers.ChoiceField(list(aside.STATES))
    due = serializers.DateTimeField(
        allow_null=True,
        help_text="When what waits is tried. Null where it is not to be, or while Redis does not answer.",
    )
    reason = serializers.CharField(help_text="Why it was put aside.")
    outcome = serializers.CharField(help_text="What came of its second try; empty before it.")
    tried = serializers.CharField(help_text="When it was tried again; empty before.")
    may_try = serializers.BooleanField(help_text="Whether the person who asks may have it tried again.")


class AsideListSerializer(serializers.Serializer):
    """A page, newest first."""

    items = AsideSerializer(many=True)
    counts = serializers.DictField(child=serializers.IntegerField(), help_text="By state, of all whisperers asked for.")
    total = serializers.IntegerField()
    after = serializers.CharField(allow_null=True, help_text="Gives the next page.")


class AsideListApi(PeopleApi):
    """`/api/v1/monitoring/aside/`"""

    @extend_schema(
        operation_id="aside_list",
        summary="What was put aside",
        parameters=[
            OpenApiParameter("state", str, enum=list(aside.STATES)),
            OpenApiParameter("whisperer", str, description="The id of a whisperer."),
            OpenApiParameter("after", str, description="The `after` of the page before."),
        ],
        responses={200: AsideListSerializer, 400: REFUSED, 401: ErrorSerializer, 503: ErrorSerializer},
    )
    def get(self, request: Request) -> Response:
        asked = {name: request.query_params.get(name, "") for name in ("state", "whisperer", "after")}
        found = aside.listed(request.user, **asked)
        return Response(AsideListSerializer(found).data)


class AsideAgainApi(PeopleApi):
    """`/api/v1/monitoring/aside/{id}/again/`"""

    @extend_schema(
        operation_id="aside_again",
        summary="Try again what was put aside",
        description="Needs the right `configure` on its whisperer. It is tried at once; a repeat changes nothing.",
        request=None,
        responses={202: AsideSerializer, **READ, 409: ErrorSerializer, 503: ErrorSerializer},
    )
    def post(self, request: Request, id: str) -> Response:
        record = aside_again(user=request.user, id=id)
        return Response(AsideSerializer(aside.shown(request.user, record)).data, status=202)
