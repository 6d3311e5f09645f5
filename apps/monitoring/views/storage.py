"""The page of what is stored and for how long, for staff; storage policies are made and changed there."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from apps.core.errors import ApplicationError
from apps.monitoring.selectors.storage import TITLES, storage
from apps.monitoring.views.base import frame, staff_only
from apps.whisperers.models import StoragePolicy
from apps.whisperers.models.policies import MOST_DAYS
from apps.whisperers.services.policies import DAYS, day_drop, policy_delete, policy_set
from apps.whisperers.views.base import screen
from documents.ids import PINNED

PAGE = "monitoring-storage"


@screen
@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Policies, disks, and every day that is stored."""
    staff_only(request)
    return _shown(request)


@screen
@require_POST
def policy_action(request: HttpRequest) -> HttpResponse:
    """Make or change a policy by the form; what is wrong is shown beside it."""
    staff_only(request)
    given = {name: request.POST.get(name, "").strip() for name in ("name", "title", *DAYS)}
    try:
        values: dict[str, object] = {"title": given["title"], **{name: _days(name, given[name]) for name in DAYS}}
        policy, made = policy_set(name=given["name"], values=values, actor=request.user)
    except ValidationError as error:
        return _shown(request, given, error.message_dict, status=400)
    messages.success(request, f"The policy {policy.pk} was {'made' if made else 'changed'}.")
    return redirect(PAGE)


@screen
@require_POST
def delete_action(request: HttpRequest) -> HttpResponse:
    """Delete a policy that nothing uses."""
    staff_only(request)
    policy = StoragePolicy.objects.filter(pk=request.POST.get("name", "")).first()
    if policy is None:
        raise ApplicationError("There is no such storage policy: it was deleted already.", status_code=404)
    policy_delete(policy=policy, actor=request.user)
    messages.success(request, f"The policy {policy.pk or request.POST['name']} was deleted.")
    return redirect(PAGE)


@screen
@require_POST
def drop_action(request: HttpRequest) -> HttpResponse:
    """Drop a day before its time."""
    staff_only(request)
    resource, day, policy = (request.POST.get(name, "") for name in ("resource", "day", "policy"))
    day_drop(resource=resource, day=day, policy=policy, actor=request.user)
    messages.success(request, f"The day {day} of {TITLES[resource]} under {policy} is being dropped.")
    return redirect(PAGE)


def _days(field: str, text: str) -> int | None:
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or int(text[:9]) > MOST_DAYS:
        raise ValidationError({field: f"{text!r} is no number of days: write 0 to {MOST_DAYS}, or nothing."})
    return int(text[:9])


def _shown(
    request: HttpRequest, given: dict[str, str] | None = None, errors: Any = None, status: int = 200
) -> HttpResponse:
    context = frame(request, PAGE) | {"storage": storage(), "kinds": DAYS, "pinned": PINNED}
    context |= {"given": given or {}, "errors": errors or {}}
    return render(request, "monitoring/storage.html", context, status=status)
