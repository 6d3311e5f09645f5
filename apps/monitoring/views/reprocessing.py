"""The page that has stored traffic of a whisperer read anew: asked, counted, begun, followed, cancelled."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from apps.core.errors import ApplicationError, refusal_words
from apps.monitoring import reprocessing
from apps.monitoring.models import LeftSession, Reprocessing
from apps.whisperers.models import Whisperer
from apps.whisperers.views.base import frame, screen, whisperer_for
from documents.errors import QueryError
from documents.fields import fields
from store.documents import BadRequest, StoreUnavailable, TookTooLong

PAGE = "whisperer-reprocessing"
LISTED = 20
#: Sessions that were left are shown by their first.
LEFT_SHOWN = 5
#: What became of communications, in the order of interest.
_COUNTS = {"changed": "changed", "added": "new", "removed": "removed", "same": "the same", "refused": "refused"}
_REFUSALS = (ApplicationError, QueryError, BadRequest, StoreUnavailable, TookTooLong)


@screen
@require_safe
def page(request: HttpRequest, id: UUID) -> HttpResponse:
    """The runs, and the form; with something asked for in the address, how much it is."""
    whisperer = whisperer_for(request, id, "configure")
    context = frame(request, whisperer, "") | _asked(request, whisperer) | _listed(whisperer)
    return render(request, "monitoring/reprocessing.html", context, status=400 if context.get("problem") else 200)


@screen
@require_safe
def part(request: HttpRequest, id: UUID) -> HttpResponse:
    """The list alone, again and again."""
    return _part(request, whisperer_for(request, id, "configure"))


@screen
@require_POST
def start_action(request: HttpRequest, id: UUID) -> HttpResponse:
    """Begin a run."""
    whisperer = whisperer_for(request, id, "configure")
    try:
        run = reprocessing.reprocessing_plan(user=request.user, whisperer=whisperer, parameters=request.POST)
        reprocessing.reprocessing_start(user=request.user, run=run)
    except (QueryError, BadRequest, StoreUnavailable, TookTooLong) as error:
        raise ApplicationError(f"Nothing was begun. {refusal_words(error)}") from error
    return redirect(PAGE, id=whisperer.pk)


@screen
@require_POST
def cancel_action(request: HttpRequest, id: UUID, run: UUID) -> HttpResponse:
    """Cancel one."""
    whisperer = whisperer_for(request, id, "configure")
    reprocessing.reprocessing_cancel(run=reprocessing.run_of(whisperer, run))
    return _part(request, whisperer) if request.htmx else redirect(PAGE, id=whisperer.pk)


def _part(request: HttpRequest, whisperer: Whisperer) -> HttpResponse:
    return render(request, "monitoring/reprocessing_list.html", {"whisperer": whisperer} | _listed(whisperer))


def _asked(request: HttpRequest, whisperer: Whisperer) -> dict[str, Any]:
    """The form as it was filled in, and what it would look at."""
    form = {name: request.GET.get(name, "").strip() for name in ("q", "from", "to")}
    if "count" not in request.GET:
        return {"form": form}
    try:
        plan = reprocessing.reprocessing_plan(user=request.user, whisperer=whisperer, parameters=form)
    except _REFUSALS as error:
        return {"form": form, "problem": refusal_words(error)}
    # The moments are fixed now, so that what is begun is what was counted.
    said = plan.span.told(timezone.get_current_timezone())
    return {"form": form, "plan": plan, "fixed": plan.span.parameters, "range": said}


def _listed(whisperer: Whisperer) -> dict[str, Any]:
    runs = list(reprocessing.runs_of(whisperer)[:LISTED])
    return {"runs": [_line(run) for run in runs], "active": any(run.running for run in runs)}


def _line(run: Reprocessing) -> dict[str, Any]:
    """A run in words."""
    counts = run.counts
    changed = sorted(run.fields.items(), key=lambda one: -one[1])
    return {
        "run": run,
        "range": run.span.told(timezone.get_current_timezone()),
        "share": min(run.looked_at / run.total, 1.0) if run.total else 1.0,
        "sessions": counts.get("sessions", 0),
        "counts": [(counts[name], title) for name, title in _COUNTS.items() if counts.get(name)],
        "fields": [(name, fields("httpcomms")[name].description, count) for name, count in changed],
        "left": [_left(run, reason, count) for reason, count in reprocessing.left_of(run).items()],
    }


def _left(run: Reprocessing, reason: str, count: int) -> dict[str, Any]:
    some = run.left.filter(reason=reason).order_by("session").values_list("session", flat=True)
    return {"count": count, "words": LeftSession.Reason(reason).label, "sessions": list(some[:LEFT_SHOWN])}

