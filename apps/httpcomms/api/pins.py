"""Pins: communications that outlive their days."""

from typing import Any
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api import ErrorSerializer, PeopleApi
from apps.core.errors import ApplicationError
from apps.httpcomms import pins, requests
from apps.httpcomms.api.base import SearchInput
from apps.httpcomms.models import Pin
from apps.whisperers.api.base import READ, WRITE, read_input
from apps.whisperers.rights import Person

_ID_LENGTH = 100

class PinInput(SearchInput):  # type: ignore[valid-type,misc]  # made by a call
    """What to pin: chosen communications, or all that a query finds in a range."""

    name = serializers.CharField(max_length=80)
    note = serializers.CharField(required=False, allow_blank=True, max_length=500, default="")
    ids = serializers.ListField(
        child=serializers.CharField(max_length=_ID_LENGTH),
        required=False,
        max_length=pins.MOST,
        help_text="Communications; they take the place of query and range.",
    )


class PinSerializer(serializers.Serializer):
    """A pin: its communications, TCP sessions, bodies and packets stay beyond their days."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    note = serializers.CharField()
    owner = serializers.CharField(help_text="User name.")
    query = serializers.CharField(help_text="That found them; empty where they were chosen one by one.")
    communications = serializers.IntegerField()
    whisperers = serializers.ListField(child=serializers.CharField(), help_text="Their names.")
    searches = serializers.ListField(
        child=serializers.CharField(), help_text=f"Search pages that show them, {pins.IN_ADDRESS} each."
    )
    mayRemove = serializers.BooleanField()  # noqa: N815 - a name of the API
    created = serializers.DateTimeField()


class PinsSerializer(serializers.Serializer):
    """Pins, the newest first."""

    pins = PinSerializer(many=True)
    most = serializers.IntegerField(help_text="Communications that one pin may have.")


def shown(user: Person, pin: Pin) -> dict[str, Any]:
    """A pin as the API gives it."""
    return {
        "id": str(pin.pk),
        "name": pin.name,
        "note": pin.note,
        "owner": pin.owner_name,
        "query": pin.query,
        "communications": pin.communications.count(),
        "whisperers": [whisperer.name for whisperer in pins.whisperers_of(pin)],
        "searches": pins.searches(pin),
        "mayRemove": pins.may_remove(user, pin),
        "created": pin.created,
    }


class PinsApi(PeopleApi):
    """`/api/v1/pins/`"""

    @extend_schema(
        operation_id="pins_list",
        summary="Pins of communications that you may search",
        responses={200: PinsSerializer, 401: ErrorSerializer},
    )
    def get(self, request: Request) -> Response:
        found = [shown(request.user, pin) for pin in pins.pins_of(request.user)]
        return Response({"pins": found, "most": pins.MOST})

    @extend_schema(
        operation_id="pins_create",
        summary="Pin communications",
        description=f"Needs the right `pin` on every whisperer that they are of. At most {pins.MOST:,}. They outlive "
        "their days with their TCP sessions, bodies and packets, as far as these are there now.",
        request=PinInput,
        responses={201: PinSerializer, **WRITE, 503: ErrorSerializer, 504: ErrorSerializer},
    )
    def post(self, request: Request) -> Response:
        given = read_input(PinInput, request)
        ids = given.get("ids", [])
        if not ids and not any(given.get(name) for name in ("q", "from", "to")):
            raise ApplicationError("Say what to pin: ids, or a query or time range.", code="invalid", field="ids")
        asked = {} if ids else {name: given[name] for name in ("q", "from", "to") if name in given}
        wanted = requests.read(asked, timezone.get_current_timezone())
        made = pins.pin_create(owner=request.user, name=given["name"], note=given["note"], wanted=wanted, ids=ids)
        return Response(shown(request.user, made), status=201)


class PinApi(PeopleApi):
    """`/api/v1/pins/{id}/`"""

    @extend_schema(operation_id="pins_get", summary="A pin", responses={200: PinSerializer, **READ})
    def get(self, request: Request, id: UUID) -> Response:
        return Response(shown(request.user, pins.pin_of(request.user, id)))

    @extend_schema(
        operation_id="pins_delete",
        summary="Take a pin back",
        description="For its owner, and for who has the right `pin` on all its whisperers. What has outlived its day "
        "goes in the background.",
        responses={204: None, **READ},
    )
    def delete(self, request: Request, id: UUID) -> Response:
        pins.pin_remove(pin=pins.pin_of(request.user, id), actor=request.user)
        return Response(status=204)
