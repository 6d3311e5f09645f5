"""What the pages have in common: the whisperer of an address, the frame around its tabs, refusals in words."""

import functools
from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from apps.core.errors import ApplicationError
from apps.whisperers.context import may_create
from apps.whisperers.models import Whisperer
from apps.whisperers.rights import require, rights_of
from apps.whisperers.screens import overview, states

View = Callable[..., HttpResponse]

TABS = {
    "status": "Status",
    "capture": "Capture config",
    "parsing": "Parsing config",
    "files": "Files",
    "instances": "Instances",
    "share": "Share",
    "install": "Install",
}
#: A whisperer for uploads has no agent, and none but it has files.
_OF_AGENTS = ("capture", "instances", "install")


def screen(view: View) -> View:
    """A page or a part of one: a refusal is told in its place, in the words of whoever refused."""

    @functools.wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except ApplicationError as error:
            return refused(request, error.message, error.status_code)
        except ValidationError as error:
            return refused(request, " ".join(error.messages), 400)

    return answer


def refused(request: HttpRequest, message: str, status: int) -> HttpResponse:
    """The words for a browser as a page, for a script as plain text that it shows in a corner."""
    if request.htmx:
        return HttpResponse(message, content_type="text/plain; charset=utf-8", status=status)
    if status == 404:
        raise Http404(message)
    return render(request, "whisperers/refused.html", {"message": message, "status": status}, status=status)


def whisperer_for(request: HttpRequest, id: UUID, right: str = "see") -> Whisperer:
    """The whisperer of the address; ApplicationError 404 or 403 where the person lacks the right."""
    whisperer = Whisperer.objects.select_related("team").prefetch_related("instances").filter(pk=id).first()
    if whisperer is None:
        raise ApplicationError("There is no such whisperer.", code="not_found", status_code=404)
    require(request.user, whisperer, right)
    return whisperer


def typed(request: HttpRequest, whisperer: Whisperer) -> None:
    """What cannot be undone needs the name of the whisperer, typed: ApplicationError for any other."""
    if request.POST.get("name", "").strip() != whisperer.name:
        raise ApplicationError(
            f"Nothing was removed: the name typed is not that of the whisperer. Type {whisperer.name}.", field="name"
        )


def head(request: HttpRequest, whisperer: Whisperer) -> dict[str, Any]:
    """The upper part of the page: what it is, its state, and the button."""
    now = timezone.now()
    agents = states.agents_of(whisperer, now)
    return {
        "whisperer": whisperer,
        "agents": agents,
        "face": states.face_of(whisperer, agents, now),
        "wish": states.wish_of(whisperer, agents, now),
        "rights": rights_of(request.user, whisperer),
        "now": now,
    }


def frame(request: HttpRequest, whisperer: Whisperer, tab: str = "") -> dict[str, Any]:
    """What `whisperers/page.html` needs around the content of a tab."""
    context = head(request, whisperer)
    return context | {
        "tab": tab,
        "tabs": _tabs(whisperer, context["rights"], len(context["agents"])),
        "rail": overview.rows(request.user, context["now"]),
        "may_create": may_create(request.user),
    }


def _tabs(whisperer: Whisperer, rights: frozenset[str], agents: int) -> list[dict[str, Any]]:
    """The tabs that a person may open, with how many things are in them."""
    is_upload = whisperer.mode == Whisperer.Mode.UPLOAD
    counts = {"instances": agents}
    if "share" in rights:
        counts["share"] = whisperer.grants.count()
    hidden = {*(_OF_AGENTS if is_upload else ("files",))}
    hidden |= {"share"} - rights
    hidden |= {"install"} if "configure" not in rights else set()
    return [
        {"name": name, "label": label, "url": tab_url(whisperer, name), "count": counts.get(name)}
        for name, label in TABS.items()
        if name not in hidden
    ]


def tab_url(whisperer: Whisperer, tab: str) -> str:
    """The address of a tab."""
    page = reverse("whisperer", args=[whisperer.pk])
    return page if tab == "status" else f"{page}{tab}/"
