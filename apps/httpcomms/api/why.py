"""Why a search finds nothing, link by link."""

from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from apps.core.api import PeopleApi
from apps.httpcomms import screen
from apps.httpcomms.api.base import ERRORS, RANGE, orjson_response
from apps.httpcomms.selectors.chain import ChainLink, chain


class FigureSerializer(serializers.Serializer):
    """A figure of a link, in words."""

    name = serializers.CharField()
    value = serializers.CharField()


class StepSerializer(serializers.Serializer):
    """What to do next."""

    words = serializers.CharField()
    url = serializers.CharField(allow_null=True, help_text="Where, on this site; null: advice alone.")


class ChainLinkSerializer(serializers.Serializer):
    """One link of the chain."""

    key = serializers.CharField()
    title = serializers.CharField()
    state = serializers.ChoiceField(
        ["fine", "partly", "broken", "aside", "unknown"],
        help_text="`partly`: something is wrong there, but it is not the reason alone. `aside`: it says nothing about "
        "this range.",
    )
    text = serializers.CharField()
    figures = FigureSerializer(many=True)
    since = serializers.DateTimeField(allow_null=True)
    steps = StepSerializer(many=True)


class ChainSerializer(serializers.Serializer):
    """The chain from a person's rights to the query."""

    broken = serializers.CharField(allow_null=True, help_text="Key of the first broken link; null: none explains it.")
    total = serializers.IntegerField(help_text="What the search finds.")
    atLeast = serializers.BooleanField(help_text="The total is a lower bound.")  # noqa: N815 - a name of the API
    links = ChainLinkSerializer(many=True)


def _told(link: ChainLink) -> dict[str, Any]:
    return {
        "key": link.key,
        "title": link.title,
        "state": link.state,
        "text": link.text,
        "figures": [{"name": name, "value": value} for name, value in link.figures],
        "since": link.since,
        "steps": [{"words": step.words, "url": step.url or None} for step in link.steps],
    }


class WhyApi(PeopleApi):
    @extend_schema(
        operation_id="httpcomms_why",
        summary="Why a search finds nothing",
        description="Follows the search from the caller's rights over whisperer, agent, capture, packets, upload, "
        "parsing, store and time range to the query. Without `from` and `to` the last hour is meant.",
        parameters=RANGE,
        responses={200: ChainSerializer, **ERRORS},
    )
    def get(self, request: Request) -> HttpResponse:
        given = {name: request.query_params[name] for name in ("q", "from", "to") if name in request.query_params}
        found = chain(request.user, screen.read(given, timezone.get_current_timezone()))
        return orjson_response(
            {
                "broken": found.broken.key if found.broken else None,
                "total": found.total,
                "atLeast": found.at_least,
                "links": [_told(link) for link in found.links],
            }
        )
