"""Signing in, and the words for what goes wrong."""

import sys
from typing import Any

from axes.handlers.proxy import AxesProxyHandler
from axes.helpers import get_cool_off, get_failure_limit
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.views import defaults

from apps.core import errors, words
from apps.core.forms import SignInForm


def _pause(request: HttpRequest) -> str:
    cool_off = get_cool_off(request)
    return words.span(int(cool_off.total_seconds()) * words.SECOND) if cool_off else "good"


class SignIn(LoginView):
    """The sign-in page. A wrong password costs one of a few tries; it says how many are left."""

    redirect_authenticated_user = True
    authentication_form = SignInForm

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)
        name = getattr(context["form"], "cleaned_data", {}).get("username")
        if context["form"].errors and name:
            credentials = {"username": name}
            limit = get_failure_limit(self.request, credentials)
            failures = AxesProxyHandler.get_failures(self.request, credentials)
            context |= {"tries_left": max(limit - failures, 0), "pause": _pause(self.request)}
        return context


def locked_out(request: HttpRequest, response: HttpResponse | None, credentials: dict[str, Any]) -> HttpResponse:
    """The sign-in page while the name is locked, RFC 6585 §4: 429. The name is not checked, so it tells nothing."""
    context = {"locked": True, "pause": _pause(request)}
    return render(request, "registration/login.html", context, status=429)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404 in the shape the caller reads: JSON below /api/, a page elsewhere."""
    if request.path.startswith("/api/"):
        return JsonResponse(errors.body("not_found", "There is nothing at this address."), status=404)
    return defaults.page_not_found(request, exception)


def broken(request: HttpRequest) -> HttpResponse:
    """500 in the shape the caller reads; the reason is in the log alone. 503 when a server of ours does not answer."""
    error = sys.exception()
    if isinstance(error, errors.AWAY):
        return _away(request, errors.away_of(error))
    if request.path.startswith("/api/"):
        return JsonResponse(errors.body("internal", "Something broke on our side; it was logged."), status=500)
    return defaults.server_error(request)


def _away(request: HttpRequest, away: errors.Away) -> HttpResponse:
    """A page that needs no server but this one: the session, the menu and all else may be what is away."""
    headers = {"Retry-After": str(away.wait)}
    if request.path.startswith("/api/"):
        told = errors.body(away.code, away.message, retry_after=away.wait, meanwhile=away.meanwhile)
        return JsonResponse(told, status=503, headers=headers)
    text = render_to_string("503.html", {"away": away, "address": request.get_full_path()})
    return HttpResponse(text, status=503, headers=headers)
