"""The list, a new whisperer, start and stop, and what is done with a whisperer as a whole."""

from collections import Counter
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.core.errors import ApplicationError
from apps.whisperers.context import may_create
from apps.whisperers.models import Change, Team
from apps.whisperers.rights import visible_whisperers
from apps.whisperers.screens import fields, overview
from apps.whisperers.screens.forms import MODES, CreateForm, EditForm
from apps.whisperers.services import (
    whisperer_capture,
    whisperer_create,
    whisperer_delete,
    whisperer_move,
    whisperer_purge,
    whisperer_rename,
)
from apps.whisperers.views.base import frame, head, screen, tab_url, typed, whisperer_for

CHANGES_PAGE = 50
LATEST = 6
#: What the states are called in a sum.
SUMS = {
    "capturing": "capturing", "paused": "paused", "wrong": "wrong", "connecting": "connecting", "stopped": "stopped",
    "not_visible": "not visible", "files": "for files",
}  # fmt: skip


@screen
@require_safe
def list_page(request: HttpRequest) -> HttpResponse:
    """Every whisperer that the person sees; htmx gets the rows alone, again and again."""
    find, show = request.GET.get("find", ""), request.GET.get("show", "")
    found = overview.rows(request.user, timezone.now(), find)
    care = [row for row in found if row.needs_care]
    context = {
        "rows": care if show == "care" else found,
        "all": len(found),
        "care": care,
        "find": find,
        "show": show,
        "words": _counted(found),
        "may_create": may_create(request.user),
        "now": timezone.now(),
    }
    if request.htmx and not request.htmx.boosted:
        return render(request, "whisperers/rows.html", context)
    context["latest"] = [fields.change_view(one, may_undo=False) for one in _latest(request)]
    return render(request, "whisperers/list.html", context)


def _counted(found: list[overview.Row]) -> list[tuple[str, int]]:
    """How many are in each state, in the order of the states."""
    counts = Counter(row.face.word for row in found)
    return [(SUMS[word], counts[word]) for word in SUMS if counts[word]]


def _latest(request: HttpRequest) -> list[Change]:
    seen = visible_whisperers(request.user).values("pk")
    return list(Change.objects.filter(whisperer__in=seen).select_related("whisperer")[:LATEST])


@screen
@require_http_methods(["GET", "HEAD", "POST"])
def new_page(request: HttpRequest) -> HttpResponse:
    """The form for a new whisperer, whose mode is chosen once."""
    if not may_create(request.user):
        raise ApplicationError(
            "You may not create whisperers: ask an administrator for the permission to add whisperers.",
            code="forbidden", status_code=403,
        )  # fmt: skip
    form = CreateForm(request.POST or None, user=request.user)
    if request.method == "POST" and form.is_valid():
        given: dict[str, Any] = dict(form.cleaned_data)
        given["policy"] = given["policy"] or "default"
        whisperer = whisperer_create(**given, actor=request.user)
        messages.success(request, f"{whisperer.name} was created.")
        return redirect(tab_url(whisperer, "files" if whisperer.mode == "UPLOAD" else "install"))
    context = {"form": form, "modes": [(mode, words.split(":")[0], MODES[mode]) for mode, words in _modes(form)]}
    return render(request, "whisperers/new.html", context, status=400 if form.errors else 200)


def _modes(form: CreateForm) -> list[tuple[str, str]]:
    field: Any = form.fields["mode"]
    return list(field.choices)


@screen
@require_safe
def head_part(request: HttpRequest, id: UUID) -> HttpResponse:
    """The upper part of a page, again and again."""
    return render(request, "whisperers/head.html", head(request, whisperer_for(request, id)))


@screen
@require_safe
def rail_part(request: HttpRequest, id: UUID) -> HttpResponse:
    """The list beside a page, again and again."""
    whisperer = whisperer_for(request, id)
    context = {"rail": overview.rows(request.user, timezone.now()), "whisperer": whisperer}
    return render(request, "whisperers/rail.html", context | {"may_create": may_create(request.user)})


@screen
@require_POST
def capture_action(request: HttpRequest, id: UUID, *, capturing: bool) -> HttpResponse:
    """Start or stop: from the page the upper part comes back, from the list its row, without htmx the page."""
    whisperer = whisperer_for(request, id, "startStop")
    whisperer_capture(whisperer=whisperer, capturing=capturing, actor=request.user)
    if not request.htmx:
        return redirect(tab_url(whisperer, "status"))
    whisperer = whisperer_for(request, id)
    if request.htmx.target == f"row-{whisperer.pk}":
        found = [row for row in overview.rows(request.user, timezone.now()) if row.whisperer.pk == whisperer.pk]
        return render(request, "whisperers/row.html", {"row": found[0], "now": timezone.now()})
    return render(request, "whisperers/head.html", head(request, whisperer))


@screen
@require_http_methods(["GET", "HEAD", "POST"])
def edit_page(request: HttpRequest, id: UUID) -> HttpResponse:
    """Its name and team; and its end."""
    whisperer = whisperer_for(request, id)
    context = frame(request, whisperer, "edit")
    if request.method == "POST":
        whisperer_for(request, id, "configure")
    initial = {"name": whisperer.name, "team": whisperer.team}
    form = EditForm(request.POST or None, initial=initial, user=request.user, whisperer=whisperer)
    if request.method == "POST" and form.is_valid():
        team: Team | None = form.cleaned_data["team"]
        whisperer_rename(whisperer=whisperer, name=form.cleaned_data["name"], actor=request.user)
        whisperer_move(whisperer=whisperer, team=team, actor=request.user)
        messages.success(request, "Saved.")
        return redirect("whisperer-edit", id=whisperer.pk)
    return render(request, "whisperers/edit.html", context | {"form": form}, status=400 if form.errors else 200)


@screen
@require_POST
def delete_action(request: HttpRequest, id: UUID) -> HttpResponse:
    """Delete it, if its name was typed."""
    whisperer = whisperer_for(request, id, "delete")
    typed(request, whisperer)
    name = whisperer.name
    whisperer_delete(whisperer=whisperer, actor=request.user)
    messages.success(request, f"{name} was deleted.")
    return redirect("whisperers")


@screen
@require_POST
def purge_action(request: HttpRequest, id: UUID) -> HttpResponse:
    """Remove what it captured, if its name was typed."""
    whisperer = whisperer_for(request, id, "purge")
    typed(request, whisperer)
    whisperer_purge(whisperer=whisperer, actor=request.user)
    messages.success(request, f"What {whisperer.name} captured until now is being removed.")
    return redirect("whisperer-edit", id=whisperer.pk)


@screen
@require_safe
def changes_page(request: HttpRequest, id: UUID) -> HttpResponse:
    """The audit log of a whisperer, the newest first; `before` goes on from a change."""
    whisperer = whisperer_for(request, id)
    context = frame(request, whisperer, "changes")
    found = whisperer.changes.order_by("-pk")
    before = request.GET.get("before", "")
    if before.isascii() and before.isdigit():
        found = found.filter(pk__lt=int(before[:18]))
    listed = list(found[: CHANGES_PAGE + 1])
    may = "configure" in context["rights"]
    context["changes"] = [fields.change_view(one, may_undo=may) for one in listed[:CHANGES_PAGE]]
    context["next"] = listed[CHANGES_PAGE - 1].pk if len(listed) > CHANGES_PAGE else None
    return render(request, "whisperers/changes.html", context)
