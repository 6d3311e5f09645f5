"""Saved queries: a person's own and those that their teams share."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api import ErrorSerializer, PeopleApi
from apps.httpcomms.models import SavedQuery
from apps.httpcomms.requests import MAX_QUERY
from apps.httpcomms.saved import (
    KEPT,
    address,
    may_change,
    saved_queries,
    saved_query,
    saved_query_change,
    saved_query_create,
    saved_query_delete,
    shared_with,
    teams_of,
)
from apps.whisperers.api.base import READ, REFUSED, WRITE, Input, read_input
from apps.whisperers.rights import Person

_PARAMETERS_HELP = f"Of the page's address, what is kept beside the query: {', '.join(sorted(KEPT))}."


class SharedTeamSerializer(serializers.Serializer):
    """A team that a query is, or can be, shared with."""

    id = serializers.IntegerField()
    name = serializers.CharField()


class SavedQuerySerializer(serializers.Serializer):
    """A saved query. It carries no rights: whoever opens it sees what they may see."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    note = serializers.CharField()
    query = serializers.CharField()
    parameters = serializers.DictField(child=serializers.CharField(), help_text=_PARAMETERS_HELP)
    owner = serializers.CharField(help_text="User name.")
    mine = serializers.BooleanField()
    mayChange = serializers.BooleanField()  # noqa: N815 - a name of the API
    teams = SharedTeamSerializer(many=True, help_text="That it is shared with, as far as you may know of them.")
    address = serializers.CharField(help_text="The search page as it was saved.")
    created = serializers.DateTimeField()
    changed = serializers.DateTimeField()


class SavedQueriesSerializer(serializers.Serializer):
    """Saved queries by name, and the teams that you can share with."""

    queries = SavedQuerySerializer(many=True)
    teams = SharedTeamSerializer(many=True)
    kept = serializers.ListField(child=serializers.CharField(), help_text="The parameters that can be kept.")


class SavedQueryInput(Input):
    """What to save."""

    name = serializers.CharField(max_length=80)
    note = serializers.CharField(required=False, allow_blank=True, max_length=500)
    query = serializers.CharField(required=False, allow_blank=True, max_length=MAX_QUERY)
    parameters = serializers.DictField(
        child=serializers.CharField(allow_blank=True), required=False, help_text=_PARAMETERS_HELP
    )
    teams = serializers.ListField(
        child=serializers.IntegerField(), required=False, max_length=100, help_text="All that it is shared with."
    )


class SavedQueryChange(SavedQueryInput):
    """What to change; what is not named stays."""

    name = serializers.CharField(required=False, max_length=80)


def shown(user: Person, query: SavedQuery) -> dict[str, Any]:
    """A saved query as the API gives it."""
    return {
        "id": str(query.pk),
        "name": query.name,
        "note": query.note,
        "query": query.query,
        "parameters": query.parameters,
        "owner": query.owner.get_username(),
        "mine": query.owner_id == user.pk,
        "mayChange": may_change(user, query),
        "teams": [{"id": team.pk, "name": team.name} for team in shared_with(user, query)],
        "address": address(query),
        "created": query.created,
        "changed": query.changed,
    }


class QueriesApi(PeopleApi):
    """`/api/v1/queries/`"""

    @extend_schema(
        operation_id="queries_list",
        summary="Your saved queries, and those shared with your teams",
        responses={200: SavedQueriesSerializer, 401: ErrorSerializer},
    )
    def get(self, request: Request) -> Response:
        found = [shown(request.user, query) for query in saved_queries(request.user)]
        teams = [{"id": team.pk, "name": team.name} for team in teams_of(request.user)]
        return Response({"queries": found, "teams": teams, "kept": sorted(KEPT)})

    @extend_schema(
        operation_id="queries_create",
        summary="Save a query",
        description="To copy one that was shared with you, send what it gives under a name of yours.",
        request=SavedQueryInput,
        responses={201: SavedQuerySerializer, 400: REFUSED, 401: ErrorSerializer},
    )
    def post(self, request: Request) -> Response:
        made = saved_query_create(owner=request.user, given=read_input(SavedQueryInput, request))
        return Response(shown(request.user, made), status=201)


class QueryApi(PeopleApi):
    """`/api/v1/queries/{id}/`"""

    @extend_schema(
        operation_id="queries_get", summary="A saved query", responses={200: SavedQuerySerializer, **READ}
    )
    def get(self, request: Request, id: UUID) -> Response:
        return Response(shown(request.user, saved_query(request.user, id)))

    @extend_schema(
        operation_id="queries_change",
        summary="Change, rename or share a saved query",
        description="For its owner, and for staff once it is shared.",
        request=SavedQueryChange,
        responses={200: SavedQuerySerializer, **WRITE},
    )
    def patch(self, request: Request, id: UUID) -> Response:
        query = saved_query(request.user, id)
        saved_query_change(user=request.user, query=query, given=read_input(SavedQueryChange, request))
        return Response(shown(request.user, saved_query(request.user, id)))

    @extend_schema(
        operation_id="queries_delete",
        summary="Delete a saved query",
        description="For its owner, and for staff once it is shared. It is gone for everyone it was shared with.",
        responses={204: None, **READ},
    )
    def delete(self, request: Request, id: UUID) -> Response:
        saved_query_delete(user=request.user, query=saved_query(request.user, id))
        return Response(status=204)
