"""What the views have in common: input that is read strictly, things found by address with the right asked for."""

from typing import Any, TypeVar

from django.contrib.auth.models import User
from drf_spectacular.utils import OpenApiExample, OpenApiResponse
from rest_framework import serializers
from rest_framework.request import Request

from apps.core.api import ErrorSerializer, PeopleApi
from apps.core.errors import ApplicationError
from apps.whisperers.models import Team, Whisperer
from apps.whisperers.rights import is_staff, require

Model = TypeVar("Model")

REFUSED = OpenApiResponse(
    ErrorSerializer,
    "A value is wrong: `field` names the first, `fields` and `problems` all.",
    examples=[
        OpenApiExample(
            "A wrong value",
            {
                "error": {
                    "code": "invalid",
                    "message": "snap: 10 bytes is too little. Give at least 64 bytes.",
                    "field": "snap",
                    "fields": {"snap": ["10 is too little. Give at least 64 bytes."]},
                    "problems": [
                        {
                            "field": "snap",
                            "value": 10,
                            "message": "10 is too little.",
                            "fix": "Give at least 64 bytes.",
                        }
                    ],
                }
            },
        )
    ],
)
FORBIDDEN = OpenApiResponse(
    ErrorSerializer,
    "A right is missing: `right` names it.",
    examples=[
        OpenApiExample(
            "A missing right",
            {
                "error": {
                    "code": "forbidden",
                    "message": "You may not start and stop capture: ask for the right 'startStop' on shop.",
                    "field": None,
                    "right": "startStop",
                }
            },
        )
    ],
)
#: Of reads, and of writes.
READ = {401: ErrorSerializer, 403: FORBIDDEN, 404: ErrorSerializer}
WRITE = {400: REFUSED, **READ}


class Input(serializers.Serializer):
    """A body. A name that it does not know is refused: it is a slip, and ignoring it would hide that."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict):
            unknown = [name for name in data if name not in self.fields]
            if unknown:
                known = ", ".join(self.fields)
                raise serializers.ValidationError({str(unknown[0]): [f"There is no such field: give {known}."]})
        return super().to_internal_value(data)


class WhispererApi(PeopleApi):
    """A view below the address of a whisperer."""

    def whisperer(self, request: Request, id: Any, right: str = "see") -> Whisperer:
        """The whisperer of the address; ApplicationError 404 or 403 where the person lacks the right."""
        whisperer = Whisperer.objects.select_related("team").filter(pk=id).first()
        if whisperer is None:
            raise ApplicationError("There is no such whisperer.", code="not_found", status_code=404)
        require(request.user, whisperer, right)
        return whisperer


class StaffApi(PeopleApi):
    """A view with writes for staff alone."""

    def check_staff(self, request: Request) -> None:
        """ApplicationError 403 for anyone else."""
        if not is_staff(request.user):
            message = "Only staff may do this: ask an administrator of Spider."
            raise ApplicationError(message, code="forbidden", status_code=403, right="staff")


def read_input(kind: type[Input], request: Request) -> dict[str, Any]:
    """The body of a request, checked."""
    found = kind(data=request.data)
    found.is_valid(raise_exception=True)
    return dict(found.validated_data)


def person_named(name: str, field: str = "user") -> User:
    """The person with a user name."""
    person = User.objects.filter(username=name).first()
    if person is None:
        raise ApplicationError(f"There is no user {name!r}.", code="invalid", field=field)
    return person


def people_named(names: list[str]) -> list[User]:
    """The people with these user names."""
    return [person_named(name, "members") for name in dict.fromkeys(names)]


def team_numbered(request: Request, key: int | None) -> Team | None:
    """The team with a number, where the person may name it: staff any, others their own."""
    if key is None:
        return None
    teams = Team.objects.all() if is_staff(request.user) else Team.objects.filter(members=request.user.pk)
    team = teams.filter(pk=key).first()
    if team is None:
        raise ApplicationError(
            f"There is no team {key}, or you are not in it: choose one of yours.", code="invalid", field="team"
        )
    return team


def found_or_gone(found: Model | None, what: str) -> Model:
    """What was looked for; ApplicationError 404 where there is none."""
    if found is None:
        raise ApplicationError(f"There is no such {what}.", code="not_found", status_code=404)
    return found
