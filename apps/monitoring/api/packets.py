"""Where the packets of a time are, and which sums do not add up: what the page shows, for programs."""

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from apps.core.api import ErrorSerializer, PeopleApi
from apps.core.errors import ApplicationError
from apps.httpcomms.api.base import FROM, TO, orjson_response
from apps.monitoring import alarms, asked
from apps.monitoring.selectors import Packets, Row
from apps.whisperers.models import Whisperer
from apps.whisperers.rights import require, visible_whisperers
from store.documents import StoreUnavailable, TookTooLong

WHISPERER = OpenApiParameter("whisperer", OpenApiTypes.UUID, description="Of this whisperer alone, by its captures.")
ERRORS = dict.fromkeys((400, 401, 404, 503), ErrorSerializer)


class BalanceSerializer(serializers.Serializer):
    """An equation with its numbers: `whole` is the sum of `parts` and `rest`."""

    equation = serializers.CharField(help_text="captured, uploaded, undecodable or payload.")
    unit = serializers.CharField(help_text="packets or bytes.")
    counter = serializers.CharField(help_text="The counter that is the whole.")
    whole = serializers.IntegerField()
    parts = serializers.DictField(child=serializers.IntegerField(), help_text="Sums by counter.")
    rest = serializers.IntegerField(help_text="In none of the parts: what waits, or what is wrong.")
    holds = serializers.BooleanField(help_text="Whether the rest is within what waits.")


class SumsSerializer(serializers.Serializer):
    """The sums of a whisperer, of a capture, or of all."""

    key = serializers.CharField(help_text="Id of the whisperer or capture; empty for all.")
    name = serializers.CharField()
    captures = serializers.IntegerField(help_text="Captures with packets in the range.")
    underWay = serializers.IntegerField(help_text="Of these, captures that are not over.")  # noqa: N815 - as in JSON
    addsUp = serializers.BooleanField(help_text="All equations hold and no alarm is open.")  # noqa: N815 - as in JSON
    lost = serializers.IntegerField(help_text="Packets that nothing can be made of any more.")
    counters = serializers.DictField(child=serializers.IntegerField(), help_text="Every counter; see docs/accounting.")
    balances = BalanceSerializer(many=True)


class PacketsStepSerializer(serializers.Serializer):
    """A step of the range; those without packets are left out."""

    start = serializers.IntegerField(help_text="Nanoseconds since the epoch.")
    uploaded = serializers.IntegerField()
    lost = serializers.IntegerField()


class WherePacketsAreSerializer(serializers.Serializer):
    """Where the packets of a range are."""

    since = serializers.IntegerField(help_text="Nanoseconds since the epoch: a whole minute.")
    until = serializers.IntegerField(help_text="Nanoseconds since the epoch, not part of it.")
    interval = serializers.IntegerField(help_text="Length of a step in nanoseconds: whole minutes.")
    complete = serializers.BooleanField(help_text="False where there was more than one answer looks at.")
    away = serializers.ListField(child=serializers.CharField(), help_text="Servers that did not answer.")
    total = SumsSerializer()
    rows = SumsSerializer(many=True, help_text="By whisperer, or by capture of one.")
    steps = PacketsStepSerializer(many=True)


class PacketsApi(PeopleApi):
    """`GET /api/v1/monitoring/packets/`"""

    @extend_schema(
        operation_id="monitoring_packets",
        summary="Where the packets of a time are",
        description="Sums of the accounting by whisperer, of those that the caller may see, in the minutes in which "
        "chunks were accepted. The last hour when `from` is absent.",
        parameters=[FROM, TO, WHISPERER],
        responses={200: WherePacketsAreSerializer, **ERRORS},
    )
    def get(self, request: Request) -> HttpResponse:
        return orjson_response(_json(asked.packets(request.user, request.query_params, asked_for(request))))


def asked_for(request: Request) -> Whisperer | None:
    """The whisperer of the parameter, None for all. Raises ApplicationError 404 where it may not be seen."""
    key = asked.read_whisperer(request.query_params)
    if key is None:
        return None
    whisperer = Whisperer.objects.filter(pk=key).first()
    if whisperer is None:
        raise ApplicationError("There is no such whisperer.", code="not_found", status_code=404, field="whisperer")
    require(request.user, whisperer, "see")
    return whisperer


def _json(found: Packets) -> dict[str, Any]:
    return {
        "since": found.range.since,
        "until": found.range.until,
        "interval": found.interval,
        "complete": found.complete,
        "away": found.away,
        "total": _sums(found.total),
        "rows": [_sums(row) for row in found.rows],
        "steps": [{"start": start, "uploaded": up, "lost": lost} for start, up, lost in found.steps],
    }


def _sums(row: Row) -> dict[str, Any]:
    return {
        "key": row.key,
        "name": row.name,
        "captures": len(row.captures),
        "underWay": row.under_way,
        "addsUp": row.adds_up,
        "lost": row.lost,
        "counters": dict(sorted(row.counters.items())),
        "balances": [
            {
                "equation": name,
                "unit": one.equation.unit,
                "counter": one.equation.whole,
                "whole": one.whole,
                "parts": one.parts,
                "rest": one.rest,
                "holds": row.holds(name),
            }
            for name, one in row.balances.items()
        ],
    }


class AlarmSerializer(serializers.Serializer):
    """An equation of a capture that does not hold."""

    whisperer = serializers.CharField()
    name = serializers.CharField(help_text="The whisperer's name.")
    instance = serializers.CharField()
    interface = serializers.CharField()
    capture = serializers.CharField()
    equation = serializers.CharField(help_text="An equation, or what is compared with the store.")
    whole = serializers.IntegerField(help_text="One side.")
    accounted = serializers.IntegerField(help_text="The other side.")
    difference = serializers.IntegerField()
    first = serializers.IntegerField(help_text="When it was first seen, in nanoseconds since the epoch.")
    last = serializers.IntegerField(help_text="When its sides were last written.")


class AlarmsSerializer(serializers.Serializer):
    """The alarms that are open, newest first."""

    alarms = AlarmSerializer(many=True)


class AlarmsApi(PeopleApi):
    """`GET /api/v1/monitoring/alarms/`"""

    @extend_schema(
        operation_id="monitoring_alarms",
        summary="Sums that do not add up",
        description="Alarms that are open, of whisperers that the caller may see. One is cleared by itself when its "
        "sums add up again.",
        parameters=[WHISPERER],
        responses={200: AlarmsSerializer, **ERRORS},
    )
    def get(self, request: Request) -> HttpResponse:
        scope = asked.scope_of(request.user, asked_for(request))
        try:
            found = alarms.open_alarms(scope)
        except (StoreUnavailable, TookTooLong):
            message = "The document store does not answer."
            raise ApplicationError(message, code="store_unavailable", status_code=503) from None
        known = visible_whisperers(request.user).filter(pk__in={UUID(one.whisperer) for one in found})
        names = {str(key): name for key, name in known.values_list("pk", "name")}
        return orjson_response(
            {
                "alarms": [
                    {
                        "whisperer": one.whisperer,
                        "name": names.get(one.whisperer, ""),
                        "instance": one.instance,
                        "interface": one.interface,
                        "capture": one.capture,
                        "equation": one.equation,
                        "whole": one.whole,
                        "accounted": one.accounted,
                        "difference": one.difference,
                        "first": one.first,
                        "last": one.last,
                    }
                    for one in found
                ]
            }
        )
