"""One JSON shape for every error of the API: {"error": {"code", "message", "field", …}}.

`code` is for programs and stable, `message` is for people, `field` names the parameter at fault or is null. Whatever
more is known (a position in the query, seconds to wait) stands beside them.
"""

import math
from dataclasses import dataclass
from typing import Any

import structlog
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import InterfaceError, OperationalError
from django.http import Http404
from django.utils import timezone
from rest_framework import exceptions, status
from rest_framework.response import Response
from rest_framework.views import set_rollback

from apps.core import words
from documents.query import QueryError
from store.documents import BadCursor, BadRequest, StoreAway, StoreUnavailable, TookTooLong

#: Seconds after which to ask again when a server was away and nobody knows when it is tried again.
AWAY_WAIT = 5

#: What Spider does without a server, and what works.
WITHOUT_STORE = (
    "Agents and uploads are taken as ever, until the outbox is full. Only searches, and pages of stored traffic, wait."
)
WITHOUT_DATABASE = (
    "What was accepted is kept, and goes on by itself. Agents keep what they capture and send it when the database is "
    "back; nobody has to do anything for that. Until then nobody can sign in, search, or send a file."
)

#: What to do about a question that was given up.
TOOK_TOO_LONG = "This took too long and was given up. Choose a shorter time range, or a more selective query."

log = structlog.get_logger(__name__)


class ApplicationError(Exception):
    """A refusal with its words; raised by services and selectors, answered here."""

    def __init__(
        self, message: str, *, code: str = "invalid", status_code: int = 400, field: str | None = None, **more: Any
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.status_code = status_code
        self.field = field
        self.more = more


#: Errors that mean: a server of ours cannot be used now, whatever was asked.
AWAY = (StoreUnavailable, OperationalError, InterfaceError)


@dataclass(frozen=True, slots=True)
class Away:
    """A server that does not answer, in words; `meanwhile`: what Spider does without it; `wait`: whole seconds after
    which to ask again."""

    code: str
    message: str
    meanwhile: str
    wait: int


def away_of(error: Exception) -> Away:
    """What to say of one of the errors of AWAY: since when, where that is known, and when to ask again."""
    wait = max(1, math.ceil(getattr(error, "wait", 0) or AWAY_WAIT))
    if isinstance(error, StoreUnavailable):
        return Away("store_unavailable", store_words(error), WITHOUT_STORE, wait)
    return Away("unavailable", f"The database does not answer{_since(error)}.", WITHOUT_DATABASE, wait)


def store_words(error: StoreUnavailable) -> str:
    """Why there is no answer from the document store, and what becomes of the traffic meanwhile."""
    return f"The document store does not answer{_since(error)}; captured traffic waits in the outbox, nothing is lost."


def refusal_words(error: Exception) -> str:
    """What to say beside a form of whatever kept it from being done."""
    if isinstance(error, StoreUnavailable):
        return store_words(error)
    if isinstance(error, TookTooLong):
        return TOOK_TOO_LONG
    return str(getattr(error, "message", error))


def _since(error: Exception) -> str:
    since = getattr(error, "since", None) if isinstance(error, StoreAway | OperationalError) else None
    if since is None:
        return ""
    ns, zone = int(since) * words.SECOND, timezone.get_current_timezone()
    return f" since {words.local(ns, zone)[1]} {words.offset_label(ns, zone)}"


def body(code: str, message: str, field: str | None = None, **more: Any) -> dict[str, Any]:
    """The error as the API shows it."""
    return {"error": {"code": code, "message": message, "field": field, **more}}


def handle(error: Exception, context: dict[str, Any]) -> Response | None:
    """Exception handler of the REST framework; None lets a bug become a 500 with its trace in the log."""
    response = _known(error)
    if response is not None:
        set_rollback()
    return response


def _known(error: Exception) -> Response | None:
    if isinstance(error, ApplicationError):
        wait = error.more.get("retry_after")
        headers = {"Retry-After": str(wait)} if wait is not None else None  # RFC 9110 §10.2.3
        return Response(body(error.code, error.message, error.field, **error.more), error.status_code, headers=headers)
    if isinstance(error, QueryError):
        return Response(body("query", error.message, "q", position=error.position), status.HTTP_400_BAD_REQUEST)
    if isinstance(error, BadCursor):
        return Response(body("invalid", "This is not the end of a page of this search.", "after"), 400)
    if isinstance(error, BadRequest):
        return Response(body("invalid", str(error)), status.HTTP_400_BAD_REQUEST)
    if isinstance(error, TookTooLong):
        return Response(body("took_too_long", TOOK_TOO_LONG), status.HTTP_504_GATEWAY_TIMEOUT)
    if isinstance(error, AWAY):
        away = away_of(error)
        log.warning("server.away", server=away.code, error=type(error).__name__)
        return Response(
            body(away.code, away.message, retry_after=away.wait, meanwhile=away.meanwhile),
            status.HTTP_503_SERVICE_UNAVAILABLE,
            headers={"Retry-After": str(away.wait)},
        )
    if isinstance(error, ValidationError):
        return _validation(exceptions.ValidationError(_django_detail(error)))
    if isinstance(error, Http404):
        error = exceptions.NotFound()
    elif isinstance(error, PermissionDenied):
        error = exceptions.PermissionDenied()
    if isinstance(error, exceptions.ValidationError):
        return _validation(error)
    if isinstance(error, exceptions.APIException):
        return _api_exception(error)
    return None


def _django_detail(error: ValidationError) -> Any:
    return error.message_dict if hasattr(error, "error_dict") else error.messages


def _validation(error: exceptions.ValidationError) -> Response:
    """The first thing wrong as message and field, all of them under `fields`."""
    detail = error.detail
    if isinstance(detail, dict) and detail:
        field, reasons = next(iter(detail.items()))
        fields = {name: [str(reason) for reason in _as_list(all_reasons)] for name, all_reasons in detail.items()}
        return Response(body("invalid", str(_as_list(reasons)[0]), field, fields=fields), status.HTTP_400_BAD_REQUEST)
    return Response(body("invalid", str(_as_list(detail)[0])), status.HTTP_400_BAD_REQUEST)


def _as_list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) and value else [value]


def _api_exception(error: exceptions.APIException) -> Response:
    headers = {}
    if getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = error.auth_header  # RFC 9110 §11.6.1: a 401 says how to authenticate
    if getattr(error, "wait", None):
        headers["Retry-After"] = str(int(error.wait))
    code = error.get_codes()
    return Response(
        body(code if isinstance(code, str) else "invalid", str(error.detail)), error.status_code, headers=headers
    )
