"""What could stand at the caret of a query that is being written."""

from typing import Any

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from apps.core.api import ErrorSerializer, PeopleApi
from apps.core.errors import ApplicationError
from apps.httpcomms import matching, requests, selectors
from apps.httpcomms.api.base import FROM, TO, orjson_response
from apps.httpcomms.selectors.complete import FieldOption, Option
from apps.whisperers.rights import scope_for, visible_whisperers
from documents.fields import Field


class ReplaceSerializer(serializers.Serializer):
    """A part of the query, in code points from 0."""

    start = serializers.IntegerField()
    end = serializers.IntegerField()


class OptionSerializer(serializers.Serializer):
    """Something to put into the query: `insert` in place of `start` to `end`, the caret then `caret` behind `start`."""

    text = serializers.CharField(help_text="As it is shown.")
    insert = serializers.CharField()
    start = serializers.IntegerField()
    end = serializers.IntegerField()
    caret = serializers.IntegerField()
    words = serializers.CharField(help_text="What it is.")
    count = serializers.IntegerField(allow_null=True, help_text="Communications that have it; null where not counted.")
    missing = serializers.BooleanField(help_text="Stands for having no value.")


class AboutSerializer(serializers.Serializer):
    """A field of the field table."""

    name = serializers.CharField()
    type = serializers.CharField()
    letter = serializers.CharField(help_text="The type in a letter or two.")
    description = serializers.CharField()
    example = serializers.CharField()
    unit = serializers.CharField()
    sortable = serializers.BooleanField()


class FieldOptionSerializer(AboutSerializer):
    """A field to put into the query."""

    mark = serializers.ListField(
        child=serializers.IntegerField(), allow_null=True, help_text="The part of the name that was typed: start, end."
    )
    insert = serializers.CharField()
    start = serializers.IntegerField()
    end = serializers.IntegerField()
    caret = serializers.IntegerField()
    sampled = serializers.IntegerField(allow_null=True, help_text="How many of the newest 100 have this key.")


class CompletionSerializer(serializers.Serializer):
    """What could stand at the caret."""

    kind = serializers.ChoiceField(["field", "exists", "value", "range"])
    replace = ReplaceSerializer()
    typed = serializers.CharField(help_text="What of it stands before the caret.")
    fields_ = FieldOptionSerializer(many=True)
    operators = OptionSerializer(many=True)
    values = OptionSerializer(many=True)
    of = serializers.CharField(help_text="The field whose values these are.")
    about = AboutSerializer(allow_null=True)
    total = serializers.IntegerField(help_text="Communications that the rest of the query finds.")
    share = serializers.FloatField(help_text="The part of them that was counted, 1.0 when all were.")
    note = serializers.CharField(help_text="Why something is not there; empty when all is.")

    def get_fields(self) -> dict[str, Any]:
        found = super().get_fields()
        found["fields"] = found.pop("fields_")
        return found


class CompleteApi(PeopleApi):
    """`/api/v1/httpcomms/complete/`"""

    @extend_schema(
        operation_id="httpcomms_complete",
        summary="What could stand at the caret of a query",
        description="Fields by the letters typed, values of a field with their counts, words that join. Counted are "
        "communications that you may see, of the time range, that fit the other conditions of the query. A query that "
        "cannot be read yet is completed all the same.",
        parameters=[
            OpenApiParameter("q", str, description="The query as far as it is written."),
            OpenApiParameter("at", int, description="Where the caret is, in code points; the end when absent."),
            FROM,
            TO,
            OpenApiParameter("values", bool, description="`no`: only what needs no counting.", default=True),
        ],
        responses={200: CompletionSerializer, 400: ErrorSerializer, 401: ErrorSerializer},
    )
    def get(self, request: Request) -> HttpResponse:
        given = request.query_params
        text = given.get("q", "")
        if len(text) > requests.MAX_QUERY:
            message = f"The query is longer than {requests.MAX_QUERY} characters."
            raise ApplicationError(message, code="query", field="q")
        at = requests.whole_number(given, "at", len(text), 0, requests.MAX_QUERY)
        names = {str(one.pk): one.name for one in visible_whisperers(request.user)}
        found = selectors.complete(
            scope_for(request.user),
            text,
            at,
            requests.read_range(given),
            names=names,
            now=requests.now(),
            count=given.get("values") not in ("no", "false", "0"),
        )
        return orjson_response(_shown(found))


def _shown(found: selectors.Completion) -> dict[str, Any]:
    place = found.place
    return {
        "kind": place.kind,
        "replace": {"start": place.start, "end": place.end},
        "typed": place.typed,
        "fields": [_field(one) for one in found.fields],
        "operators": [_option(one) for one in found.operators],
        "values": [_option(one) for one in found.values],
        "of": found.of,
        "about": about(found.about, found.of) if found.about else None,
        "total": found.total,
        "share": found.share,
        "note": found.note,
    }


def _option(one: Option) -> dict[str, Any]:
    return {
        "text": one.text,
        "insert": one.insert,
        "start": one.start,
        "end": one.end,
        "caret": len(one.insert) if one.caret is None else one.caret,
        "words": one.words,
        "count": one.count,
        "missing": one.missing,
    }


def _field(one: FieldOption) -> dict[str, Any]:
    found, option = one.found, one.option
    shown = about(found.field, found.name) | {
        "letter": found.letter,
        "mark": found.mark,
        "insert": option.insert,
        "start": option.start,
        "end": option.end,
        "caret": len(option.insert),
        "sampled": found.key.count if found.key else None,
    }
    if found.key:
        shown["example"] = found.key.example
    return shown


def about(field: Field, name: str) -> dict[str, Any]:
    """A field of the table, under the name that it was asked by."""
    return {
        "name": name,
        "type": field.type,
        "letter": matching.LETTERS[field.type],
        "description": field.description,
        "example": field.example,
        "unit": field.unit,
        "sortable": field.sortable and name == field.name,
    }
