"""Comparing two communications, and the columns that a grid can have."""

from typing import Any

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from apps.core.api import ErrorSerializer, PeopleApi
from apps.core.errors import ApplicationError
from apps.httpcomms import columns, requests, selectors
from apps.httpcomms.api.base import ERRORS, RANGE, REFUSED, orjson_response
from apps.httpcomms.bodydiff import BodyComparison
from apps.httpcomms.comparing import Section
from apps.whisperers.rights import scope_for, visible_whisperers


class ComparedLineSerializer(serializers.Serializer):
    """One thing of both communications."""

    name = serializers.CharField(help_text="What it is; in a JSON body the path, from $.")
    a = serializers.CharField(allow_null=True, help_text="Of the first; null where it is missing.")
    b = serializers.CharField(allow_null=True, help_text="Of the second; null where it is missing.")
    kind = serializers.ChoiceField(["same", "changed", "added", "removed", "ignored"])


class ComparedSectionSerializer(serializers.Serializer):
    """Lines under one heading."""

    name = serializers.CharField()
    words = serializers.CharField()
    differences = serializers.IntegerField()
    cut = serializers.CharField(help_text="What was not compared, in words; empty where all was.")
    lines = ComparedLineSerializer(many=True)


class ComparedPairSerializer(serializers.Serializer):
    """A line of both bodies; `skip` stands for equal lines that are left out."""

    kind = serializers.ChoiceField(["same", "changed", "added", "removed", "skip"])
    a = serializers.CharField(allow_null=True)
    b = serializers.CharField(allow_null=True)
    skipped = serializers.IntegerField()


class ComparedBodySerializer(ComparedSectionSerializer):
    """A body of both."""

    kind = serializers.ChoiceField(["none", "same", "json", "text", "binary"])
    pairs = ComparedPairSerializer(many=True, help_text="Line by line, where both are text.")


class ComparisonSerializer(serializers.Serializer):
    """Two communications beside each other."""

    a = serializers.CharField(help_text="Id of the first.")
    b = serializers.CharField(help_text="Id of the second.")
    differences = serializers.IntegerField()
    sections = ComparedSectionSerializer(many=True)
    bodies = ComparedBodySerializer(many=True)


class CompareApi(PeopleApi):
    @extend_schema(
        operation_id="httpcomms_compare",
        summary="Compare two communications",
        parameters=[
            OpenApiParameter("a", str, required=True, description="Id of the first."),
            OpenApiParameter("b", str, required=True, description="Id of the second."),
            OpenApiParameter(
                "ignore", str, enum=["moving"], description="moving: dates and ids are no differences, but `ignored`."
            ),
        ],
        responses={200: ComparisonSerializer, 404: ErrorSerializer, **ERRORS},
    )
    def get(self, request: Request) -> HttpResponse:
        scope = scope_for(request.user)
        a, b = selectors.pair(scope, request.query_params)
        names = {str(one.pk): one.name for one in visible_whisperers(request.user)}
        ignore = request.query_params.get("ignore", "")
        if ignore not in ("", "moving"):
            raise ApplicationError("What can be ignored is: moving.", code="invalid", field="ignore")
        found = selectors.comparison(scope, a, b, names, ignore=bool(ignore))
        return orjson_response(
            {
                "a": a["id"],
                "b": b["id"],
                "differences": found.differences,
                "sections": [_section(one, f"{one.cut} more names" if one.cut else "") for one in found.sections],
                "bodies": [_body(one) for one in found.bodies],
            }
        )


def _section(section: Section | BodyComparison, cut: str) -> dict[str, Any]:
    lines = [{"name": one.name, "a": one.a, "b": one.b, "kind": one.kind} for one in section.lines]
    about = {"name": section.name, "words": section.words, "differences": section.differences}
    return {**about, "cut": cut, "lines": lines}


def _body(body: BodyComparison) -> dict[str, Any]:
    pairs = [
        {
            "kind": one.kind,
            "a": "".join(one.a[1]) if one.a else None,
            "b": "".join(one.b[1]) if one.b else None,
            "skipped": one.skipped,
        }
        for one in body.pairs
    ]
    return {**_section(body, body.cut), "kind": body.kind, "pairs": pairs}


class ColumnSerializer(serializers.Serializer):
    """A column that a grid can have."""

    name = serializers.CharField(help_text="As the address option `columns` and the preference `columns` name it.")
    words = serializers.CharField(help_text="Its head.")
    kind = serializers.CharField(help_text="How its cells look.")
    description = serializers.CharField()
    sort = serializers.CharField(allow_null=True, help_text="The field that orders it; null where nothing does.")
    unsortable = serializers.CharField(allow_null=True, help_text="Why nothing orders it.")


class KeySerializer(serializers.Serializer):
    """A key that traffic has in a field with keys of its own."""

    name = serializers.CharField(help_text="The column of the key.")
    hits = serializers.IntegerField(help_text="How many of the newest communications have it.")


class ColumnsSerializer(serializers.Serializer):
    """Every column that can be chosen."""

    columns = ColumnSerializer(many=True)
    usual = serializers.CharField(help_text="The usual ones, as `columns` takes them.")
    keyed = serializers.ListField(child=serializers.CharField(), help_text="Fields of which any key is a column.")
    keys = KeySerializer(many=True)
    sampled = serializers.IntegerField(help_text="How many of the newest communications were looked at for keys.")


class ColumnsApi(PeopleApi):
    @extend_schema(
        operation_id="httpcomms_columns",
        summary="The columns that a grid can have",
        parameters=RANGE,
        responses={200: ColumnsSerializer, 400: REFUSED, **ERRORS},
    )
    def get(self, request: Request) -> HttpResponse:
        keys = selectors.sampled_keys(scope_for(request.user), requests.read(request.query_params))
        return orjson_response(
            {
                "columns": [
                    {
                        "name": one.name,
                        "words": one.words,
                        "kind": one.kind,
                        "description": one.description,
                        "sort": one.sort or None,
                        "unsortable": one.unsortable or None,
                    }
                    for one in columns.known()
                ],
                "usual": columns.write(columns.usual()),
                "keyed": [field.name for field in columns.keyed_fields()],
                "keys": [
                    {"name": f"{field}.{key}", "hits": hits} for field, found in keys.items() for key, hits in found
                ],
                "sampled": selectors.SAMPLED,
            }
        )
