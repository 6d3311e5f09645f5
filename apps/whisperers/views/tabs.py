"""The tabs of a whisperer: status, configuration, instances, share, install."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from apps.core.errors import ApplicationError
from apps.whisperers import services
from apps.whisperers.configuration.schema import Kind
from apps.whisperers.models import RIGHTS, Enrolment, Grant, Instance, Team, Whisperer
from apps.whisperers.rights import is_staff, require_to_share, visible_whisperers
from apps.whisperers.screens import fields, figures
from apps.whisperers.screens.history import history
from apps.whisperers.screens.states import FACES
from apps.whisperers.screens.totals import totals
from apps.whisperers.views.base import frame, head, screen, tab_url, whisperer_for

CHANGES_BESIDE = 5
#: Hours for which an enrolment may last.
LIVES = {1: "1 hour", 8: "8 hours", 24: "1 day", 168: "7 days", 720: "30 days"}
LIFE = 8
RIGHT_LABELS = {"startStop": "start, stop"}
#: What somebody who is new to a list of grants is given, unless other boxes are ticked.
FIRST_RIGHTS = ("see", "search")


def _needs_agents(whisperer: Whisperer) -> None:
    if whisperer.mode == Whisperer.Mode.UPLOAD:
        raise ApplicationError(f"{whisperer.name} has no agent: capture files are uploaded to it.", status_code=404)


# ---- status ----------------------------------------------------------------------------------------------------------


@screen
@require_safe
def status_page(request: HttpRequest, id: UUID) -> HttpResponse:
    """The figures; htmx gets them alone, again and again."""
    whisperer = whisperer_for(request, id)
    is_part = bool(request.htmx)
    context = head(request, whisperer) if is_part else frame(request, whisperer, "status")
    span = request.GET.get("span", figures.SPAN)
    if span not in figures.SPANS:
        span = figures.SPAN
    past = history(whisperer, context["now"], figures.SPANS[span][1])
    context |= {
        "span": span,
        "spans": [(name, words) for name, (words, _) in figures.SPANS.items()],
        "tiles": figures.tiles(whisperer, context["agents"], past, span, context["now"]),
        "times": past.times(),
        "shares": figures.shares(past),
        "losses": figures.losses(past),
        "totals": totals(whisperer),
        "faces": [(word, *face) for word, face in FACES.items() if word != "files"],
    }
    return render(request, "whisperers/figures.html" if is_part else "whisperers/status.html", context)


# ---- configuration ---------------------------------------------------------------------------------------------------


@screen
@require_safe
def configuration_page(request: HttpRequest, id: UUID, kind: Kind) -> HttpResponse:
    """The form of a configuration."""
    whisperer = whisperer_for(request, id)
    if kind == "capture":
        _needs_agents(whisperer)
    context = frame(request, whisperer, kind)
    may = "configure" in context["rights"]
    changes = whisperer.changes.filter(part=kind).order_by("-pk")
    others = visible_whisperers(request.user).exclude(pk=whisperer.pk).order_by("name")
    context |= {
        "kind": kind,
        "may": may,
        "groups": fields.groups(whisperer, kind),
        "data": fields.for_script(whisperer, kind, may=may),
        "changes": [fields.change_view(one, may_undo=may) for one in changes[:CHANGES_BESIDE]],
        "changes_count": changes.count(),
        "others": others if kind == "parsing" else others.exclude(mode=Whisperer.Mode.UPLOAD),
        "interfaces": fields.interfaces(whisperer.instances.all()),
    }
    return render(request, "whisperers/config.html", context)


# ---- instances -------------------------------------------------------------------------------------------------------


@screen
@require_safe
def instances_page(request: HttpRequest, id: UUID) -> HttpResponse:
    """The agents; htmx gets the table alone, again and again."""
    whisperer = whisperer_for(request, id)
    _needs_agents(whisperer)
    return _instances(request, whisperer)


def _instances(request: HttpRequest, whisperer: Whisperer) -> HttpResponse:
    is_part = bool(request.htmx)
    context = head(request, whisperer) if is_part else frame(request, whisperer, "instances")
    context["revoked"] = [one for one in whisperer.instances.all() if one.revoked is not None]
    context["tokens"] = whisperer.tokens.filter(instance=None, revoked=None).order_by("-created")
    return render(request, "whisperers/agents.html" if is_part else "whisperers/instances.html", context)


@screen
@require_POST
def instance_action(request: HttpRequest, id: UUID, instance: UUID, action: str) -> HttpResponse:
    """Revoke an agent, or give it new keys."""
    whisperer = whisperer_for(request, id, "configure")
    one = whisperer.instances.filter(pk=instance).first()
    if one is None:
        raise ApplicationError("There is no such agent.", code="not_found", status_code=404)
    _act(one, action, request.user)
    if not request.htmx:
        return redirect(tab_url(whisperer, "instances"))
    return _instances(request, whisperer_for(request, id))


def _act(one: Instance, action: str, actor: Any) -> None:
    if action == "rotate":
        services.instance_rotate(instance=one, actor=actor)
    else:
        services.instance_revoke(instance=one, actor=actor)


@screen
@require_POST
def token_revoke_action(request: HttpRequest, id: UUID, number: int) -> HttpResponse:
    """Refuse a key that was made for no agent in particular."""
    whisperer = whisperer_for(request, id, "configure")
    token = whisperer.tokens.filter(pk=number, instance=None).first()
    if token is None:
        raise ApplicationError("There is no such key.", code="not_found", status_code=404)
    services.token_revoke(token=token, actor=request.user)
    if not request.htmx:
        return redirect(tab_url(whisperer, "instances"))
    return _instances(request, whisperer_for(request, id))


# ---- share -----------------------------------------------------------------------------------------------------------


@screen
@require_safe
def share_page(request: HttpRequest, id: UUID) -> HttpResponse:
    """Who may do what."""
    whisperer = whisperer_for(request, id, "share")
    return render(request, "whisperers/share.html", _sharing(request, whisperer) | frame(request, whisperer, "share"))


def _sharing(request: HttpRequest, whisperer: Whisperer) -> dict[str, Any]:
    grants = whisperer.grants.select_related("user", "team").annotate(people=Count("team__members"))
    people = User.objects.filter(is_active=True)
    teams = Team.objects.all()
    if not is_staff(request.user):
        # Others than staff are offered whom they share a team with; any other name may be typed.
        people = people.filter(teams__members=request.user.pk).distinct()
        teams = teams.filter(members=request.user.pk)
    return {
        "grants": grants,
        "all_rights": [(right, RIGHT_LABELS.get(right, right), words) for right, words in RIGHTS.items()],
        "first_rights": FIRST_RIGHTS,
        "people": people.exclude(grants__whisperer=whisperer).order_by("username")[:200],
        "teams": teams.exclude(grants__whisperer=whisperer).order_by("name")[:200],
    }


@screen
@require_POST
def share_action(request: HttpRequest, id: UUID) -> HttpResponse:
    """Give a person or a team exactly the rights that are ticked; none takes them all away."""
    whisperer = whisperer_for(request, id, "share")
    whom = _whom(request, whisperer)
    wanted = [right for right in request.POST.getlist("rights") if right in RIGHTS]
    before = Grant.objects.filter(whisperer=whisperer, **whom).first()
    if before is None and not wanted:
        raise ApplicationError("Tick at least one right.", field="rights")
    require_to_share(request.user, whisperer, before.rights if before is not None else [], wanted)
    services.grant_set(whisperer=whisperer, rights=wanted, actor=request.user, **whom)
    if not request.htmx:
        return redirect(tab_url(whisperer, "share"))
    context = _sharing(request, whisperer) | head(request, whisperer) | {"saved": True}
    return render(request, "whisperers/grants.html", context)


def _whom(request: HttpRequest, whisperer: Whisperer) -> dict[str, Any]:
    """Whom a form means: a grant that is there, or a name of a person or a team."""
    number = request.POST.get("grant", "")
    if number:
        known = whisperer.grants.select_related("user", "team").filter(pk=number).first() if number.isdigit() else None
        if known is None:
            raise ApplicationError("This was taken away meanwhile: load the page again.", status_code=404)
        return {"user": known.user} if known.user is not None else {"team": known.team}
    name = request.POST.get("name", "").strip()
    if name.startswith("team "):
        team = Team.objects.filter(name=name.removeprefix("team ").strip()).first()
        if team is None:
            raise ApplicationError(
                f"There is no team {name.removeprefix('team ')!r}: choose one of the list.", field="name"
            )
        return {"team": team}
    user = User.objects.filter(username=name, is_active=True).first()
    if user is None:
        raise ApplicationError(
            f"There is no user {name!r}: check the name, or write “team ” before a team's.", field="name"
        )
    return {"user": user}


# ---- install ---------------------------------------------------------------------------------------------------------


@screen
@require_safe
def install_page(request: HttpRequest, id: UUID) -> HttpResponse:
    """How an agent joins."""
    whisperer = whisperer_for(request, id, "configure")
    _needs_agents(whisperer)
    context = frame(request, whisperer, "install") | _enrolments(whisperer)
    return render(request, "whisperers/install.html", context)


def _enrolments(whisperer: Whisperer) -> dict[str, Any]:
    now = timezone.now()
    found: list[Enrolment] = list(whisperer.enrolments.select_related("created_by")[:20])
    usable = [one for one in found if one.revoked is None and one.expires > now]
    return {"enrolments": found, "usable": usable, "lives": LIVES.items(), "life": LIFE, "now": now}


@screen
@require_POST
def enrol_action(request: HttpRequest, id: UUID) -> HttpResponse:
    """Make an enrolment: its command is in this answer alone."""
    whisperer = whisperer_for(request, id, "configure")
    _needs_agents(whisperer)
    hours = request.POST.get("hours", "")
    if not (hours.isascii() and hours.isdigit()) or int(hours[:6]) not in LIVES:
        raise ApplicationError(f"hours is {hours[:20]!r}: choose one of {', '.join(map(str, LIVES))}.", field="hours")
    life = timedelta(hours=int(hours))
    enrolment, token = services.enrolment_create(whisperer=whisperer, life=life, actor=request.user)
    command = services.install_command(request.build_absolute_uri("/").rstrip("/"), token)
    made = {"enrolment": enrolment, "token": token, "command": command.partition(token)}
    if request.htmx:
        return render(request, "whisperers/enrol.html", head(request, whisperer) | _enrolments(whisperer) | made)
    context = frame(request, whisperer, "install") | _enrolments(whisperer) | made
    return render(request, "whisperers/install.html", context)


@screen
@require_POST
def enrolment_revoke_action(request: HttpRequest, id: UUID, number: int) -> HttpResponse:
    """Let no further host join with an enrolment."""
    whisperer = whisperer_for(request, id, "configure")
    enrolment = whisperer.enrolments.select_related("whisperer").filter(pk=number).first()
    if enrolment is None:
        raise ApplicationError("There is no such enrolment.", code="not_found", status_code=404)
    services.enrolment_revoke(enrolment=enrolment, actor=request.user)
    if request.htmx:
        return render(request, "whisperers/enrol.html", head(request, whisperer) | _enrolments(whisperer))
    return redirect(tab_url(whisperer, "install"))


@screen
@require_safe
def arrivals_part(request: HttpRequest, id: UUID) -> HttpResponse:
    """The agents that joined lately: what the page waits for after a command was made."""
    whisperer = whisperer_for(request, id, "configure")
    return render(request, "whisperers/arrivals.html", head(request, whisperer) | {"waiting": True})
