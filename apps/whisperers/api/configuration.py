"""The configuration of whisperers, teams and the server: read, described, checked, written, copied."""

from typing import Any, cast

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api import ErrorSerializer, PeopleApi
from apps.core.errors import ApplicationError
from apps.whisperers.api.base import READ, WRITE, Input, StaffApi, WhispererApi, found_or_gone, read_input
from apps.whisperers.configuration.checks import Problem, applies, problems, problems_in_force
from apps.whisperers.configuration.resolve import Resolved, Target, resolve
from apps.whisperers.configuration.schema import KINDS, Kind, field_names, fields
from apps.whisperers.models import Defaults, Team, Whisperer
from apps.whisperers.rights import is_staff, visible_whisperers
from apps.whisperers.services import configuration_copy, configuration_set, configuration_try

KIND = OpenApiParameter("kind", str, OpenApiParameter.PATH, enum=KINDS, description="What agents or what workers do.")
CHECK = OpenApiParameter("check", bool, description="1: say what would be in force and what is wrong, write nothing.")
IF_MATCH = OpenApiParameter(
    "If-Match", str, OpenApiParameter.HEADER, description="A revision: refused with 412 if it is not that one any more."
)


class ProblemSerializer(serializers.Serializer):
    """One thing wrong with a value."""

    field = serializers.CharField(help_text="A path like templates[0].path.")
    value = serializers.JSONField()
    message = serializers.CharField(help_text="What is wrong.")
    fix = serializers.CharField(help_text="What to do.")


class ConfigurationSerializer(serializers.Serializer):
    """A configuration as it is in force."""

    kind = serializers.ChoiceField(KINDS)
    values = serializers.DictField(child=serializers.JSONField(), help_text="Every field with its value.")
    own = serializers.DictField(
        child=serializers.JSONField(), help_text="The values set at this level: what to export, and to give to PUT."
    )
    origins = serializers.DictField(
        child=serializers.ChoiceField(["default", "server", "team", "whisperer"]), help_text="Where each value is from."
    )
    revision = serializers.CharField(help_text="Changes when a value changes, and only then; the ETag too.")
    problems = ProblemSerializer(many=True, help_text="What is wrong with the values in force, or with those tried.")


class FieldSerializer(serializers.Serializer):
    """One field of a configuration."""

    name = serializers.CharField()
    type = serializers.ChoiceField(["int", "str", "bool", "list", "object", "table"])
    unit = serializers.CharField()
    default = serializers.JSONField()
    help = serializers.CharField()
    group = serializers.CharField()
    advanced = serializers.BooleanField(help_text="Rarely needed.")
    choices = serializers.ListField(child=serializers.CharField())
    least = serializers.IntegerField(
        allow_null=True, help_text="Of a number, of a text's length, or of a list's entries."
    )
    most = serializers.IntegerField(allow_null=True)
    example = serializers.CharField()
    needs = serializers.CharField(help_text="Facts of an agent that its check takes: interface, bpf or none.")
    mode = serializers.CharField(help_text="The only mode of whisperers that has it; empty: all.")
    required = serializers.BooleanField()
    parts = serializers.ListField(child=serializers.JSONField(), help_text="Of an object or a table: its fields.")


class SchemaSerializer(serializers.Serializer):
    """The fields of a kind, in the order of the form."""

    fields_ = FieldSerializer(many=True)

    def get_fields(self) -> dict[str, Any]:
        return {"fields": FieldSerializer(many=True)}  # `fields` is a serializer's own word


class ValuesInput(Input):
    """Values of a level."""

    values = serializers.JSONField(help_text="An object of fields; null takes a value away.")


class CopyInput(Input):
    """What to copy."""

    source = serializers.UUIDField(help_text="The whisperer to be like.")
    only = serializers.ListField(
        child=serializers.CharField(), required=False, help_text="Nothing but these fields; all when absent."
    )


#: How the values of any level are changed.
_CHANGES: dict[str, Any] = {
    "parameters": [KIND, CHECK, IF_MATCH],
    "request": ValuesInput,
    "responses": {200: ConfigurationSerializer, 412: ErrorSerializer, **WRITE},
    "examples": [
        OpenApiExample("Two values", {"values": {"filter": "tcp port 8080", "snap": None}}, request_only=True),
    ],
}


def shown(kind: Kind, resolved: Resolved, found: list[Problem]) -> Response:
    """A configuration as the API gives it."""
    body = {
        "kind": kind,
        "values": resolved.values,
        "own": resolved.own,
        "origins": resolved.origins,
        "revision": resolved.revision,
        "problems": [problem.as_json() for problem in found],
    }
    return Response(body, headers={"ETag": f'"{resolved.revision}"'})


def kind_of(word: str) -> Kind:
    """The kind in an address."""
    if word not in KINDS:
        raise ApplicationError("A configuration is capture or parsing.", code="not_found", status_code=404)
    return cast(Kind, word)


def described(kind: Kind, mode: str = "") -> Response:
    """The fields of a kind that whisperers of a mode have."""
    return Response({"fields": [field.as_json() for field in fields(kind) if applies(field, mode)]})


def read(target: Target, kind: Kind) -> Response:
    """What is in force, and what is wrong with it."""
    resolved = resolve(target, kind)
    if isinstance(target, Whisperer):
        return shown(kind, resolved, problems_in_force(target, kind, resolved))
    return shown(kind, resolved, problems(kind, resolved.own, in_force=resolved.values))


def write(request: Request, target: Target, kind: Kind, *, replace: bool) -> Response:
    """Set values, or try them."""
    values = read_input(ValuesInput, request)["values"]
    if not isinstance(values, dict):
        raise ApplicationError('values: Give an object, {"field": value}.', code="invalid", field="values")
    if request.query_params.get("check", "") not in ("", "0", "false"):
        return shown(kind, *configuration_try(target=target, kind=kind, values=values, replace=replace))
    expected = request.headers.get("If-Match", "").strip().removeprefix("W/").strip('"')
    configuration_set(
        target=target,
        kind=kind,
        values=values,
        actor=request.user,
        replace=replace,
        expected=None if expected in ("", "*") else expected,
    )
    return read(target, kind)


class ConfigurationApi(WhispererApi):
    """`/api/v1/whisperers/{id}/config/{kind}/`"""

    @extend_schema(
        operation_id="whisperers_config_get",
        summary="The configuration of a whisperer",
        description="Each field has the whisperer's own value, else its team's, else the server's, else the default.",
        parameters=[KIND],
        responses={200: ConfigurationSerializer, **READ},
    )
    def get(self, request: Request, id: Any, kind: str) -> Response:
        return read(self.whisperer(request, id), kind_of(kind))

    @extend_schema(
        operation_id="whisperers_config_put",
        summary="Replace the values of a whisperer",
        description="Needs the right `configure`. What is not among the values is inherited from now on. The `own` of "
        "an answer can be given back as `values`.",
        **_CHANGES,
    )
    def put(self, request: Request, id: Any, kind: str) -> Response:
        return write(request, self.whisperer(request, id, "configure"), kind_of(kind), replace=True)

    @extend_schema(
        operation_id="whisperers_config_patch",
        summary="Change some values of a whisperer",
        description="Needs the right `configure`. What is not among the values stays.",
        **_CHANGES,
    )
    def patch(self, request: Request, id: Any, kind: str) -> Response:
        return write(request, self.whisperer(request, id, "configure"), kind_of(kind), replace=False)


class ConfigurationSchemaApi(WhispererApi):
    """`GET /api/v1/whisperers/{id}/config/{kind}/schema/`"""

    @extend_schema(
        operation_id="whisperers_config_schema",
        summary="The fields of a whisperer's configuration",
        parameters=[KIND],
        responses={200: SchemaSerializer, **READ},
    )
    def get(self, request: Request, id: Any, kind: str) -> Response:
        return described(kind_of(kind), self.whisperer(request, id).mode)


class ConfigurationCopyApi(WhispererApi):
    """`POST /api/v1/whisperers/{id}/config/{kind}/copy/`"""

    @extend_schema(
        operation_id="whisperers_config_copy",
        summary="Make the configuration the same as another whisperer's",
        description="Needs the right `configure` here and `see` there. What both inherit alike stays inherited.",
        parameters=[KIND],
        request=CopyInput,
        responses={200: ConfigurationSerializer, **WRITE},
    )
    def post(self, request: Request, id: Any, kind: str) -> Response:
        target, known = self.whisperer(request, id, "configure"), kind_of(kind)
        given = read_input(CopyInput, request)
        source = visible_whisperers(request.user).select_related("team").filter(pk=given["source"]).first()
        if source is None:
            raise ApplicationError("There is no such whisperer to copy from.", code="invalid", field="source")
        only = set(given["only"]) if "only" in given else None
        unknown = sorted((only or set()) - set(field_names(known)))
        if unknown:
            message = f"There is no field {unknown[0]!r}: choose from {', '.join(field_names(known))}."
            raise ApplicationError(message, code="invalid", field="only")
        configuration_copy(source=source, target=target, kind=known, actor=request.user, only=only)
        return read(target, known)


class TeamConfigurationApi(StaffApi):
    """`/api/v1/teams/{id}/config/{kind}/`"""

    @extend_schema(
        operation_id="teams_config_get",
        summary="What the whisperers of a team inherit",
        parameters=[KIND],
        responses={200: ConfigurationSerializer, **READ},
    )
    def get(self, request: Request, id: int, kind: str) -> Response:
        return read(team_of(request, id), kind_of(kind))

    @extend_schema(
        operation_id="teams_config_put",
        summary="Replace the values of a team",
        description="For staff.",
        **_CHANGES,
    )
    def put(self, request: Request, id: int, kind: str) -> Response:
        return self._write(request, id, kind, replace=True)

    @extend_schema(
        operation_id="teams_config_patch",
        summary="Change some values of a team",
        description="For staff.",
        **_CHANGES,
    )
    def patch(self, request: Request, id: int, kind: str) -> Response:
        return self._write(request, id, kind, replace=False)

    def _write(self, request: Request, id: int, kind: str, *, replace: bool) -> Response:
        team = team_of(request, id)
        self.check_staff(request)
        return write(request, team, kind_of(kind), replace=replace)


class DefaultsConfigurationApi(StaffApi):
    """`/api/v1/defaults/config/{kind}/`"""

    @extend_schema(
        operation_id="defaults_config_get",
        summary="What every whisperer inherits from the server",
        parameters=[KIND],
        responses={200: ConfigurationSerializer, 401: ErrorSerializer, 404: ErrorSerializer},
    )
    def get(self, request: Request, kind: str) -> Response:
        return read(Defaults.objects.filter(pk=1).first() or Defaults(), kind_of(kind))

    @extend_schema(
        operation_id="defaults_config_put",
        summary="Replace the server's values",
        description="For staff.",
        **_CHANGES,
    )
    def put(self, request: Request, kind: str) -> Response:
        self.check_staff(request)
        return write(request, Defaults.get(), kind_of(kind), replace=True)

    @extend_schema(
        operation_id="defaults_config_patch",
        summary="Change some of the server's values",
        description="For staff.",
        **_CHANGES,
    )
    def patch(self, request: Request, kind: str) -> Response:
        self.check_staff(request)
        return write(request, Defaults.get(), kind_of(kind), replace=False)


class DefaultsSchemaApi(PeopleApi):
    """`GET /api/v1/defaults/config/{kind}/schema/`"""

    @extend_schema(
        operation_id="defaults_config_schema",
        summary="Every field of a kind of configuration",
        parameters=[KIND],
        responses={200: SchemaSerializer, 401: ErrorSerializer, 404: ErrorSerializer},
    )
    def get(self, request: Request, kind: str) -> Response:
        return described(kind_of(kind))


def team_of(request: Request, id: int) -> Team:
    """The team of an address; ApplicationError 404 for who is neither in it nor staff."""
    teams = Team.objects.all() if is_staff(request.user) else Team.objects.filter(members=request.user.pk)
    return found_or_gone(teams.filter(pk=id).first(), "team")
