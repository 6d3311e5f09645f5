"""What a person keeps of the screens, by name."""

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api import ErrorSerializer, PeopleApi
from apps.core.errors import ApplicationError
from apps.httpcomms.preferences import KNOWN, preference, preference_clear, preference_set

_ERRORS = {400: ErrorSerializer, 401: ErrorSerializer, 404: ErrorSerializer}


class PreferenceApi(PeopleApi):
    """`/api/v1/preferences/{name}/`"""

    @extend_schema(
        operation_id="preferences_get",
        summary="What you keep under a name",
        responses={200: OpenApiTypes.OBJECT, **_ERRORS},
    )
    def get(self, request: Request, name: str) -> Response:
        value = preference(request.user, name)
        if name not in KNOWN or value is None:
            raise ApplicationError("Nothing is kept under this name.", code="not_found", status_code=404)
        return Response({"value": value})

    @extend_schema(
        operation_id="preferences_set",
        summary="Keep a value under a name",
        request=OpenApiTypes.OBJECT,
        responses={200: OpenApiTypes.OBJECT, **_ERRORS},
    )
    def put(self, request: Request, name: str) -> Response:
        if not isinstance(request.data, dict) or "value" not in request.data:
            raise ApplicationError('Give an object, {"value": …}.', code="invalid", field="value")
        return Response({"value": preference_set(request.user, name, request.data["value"])})

    @extend_schema(
        operation_id="preferences_clear", summary="Forget what you keep under a name", responses={204: None, **_ERRORS}
    )
    def delete(self, request: Request, name: str) -> Response:
        preference_clear(request.user, name)
        return Response(status=204)
