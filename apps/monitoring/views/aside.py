"""The page of what was put aside, and the button that has one of it tried again."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from apps.monitoring.selectors import aside
from apps.monitoring.services import aside_again
from apps.monitoring.views.base import back_to, frame
from apps.whisperers.rights import visible_whisperers
from apps.whisperers.views.base import screen
from store.documents import BadCursor, StoreUnavailable

PAGE = "monitoring-aside"


@screen
@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Newest first, by state and whisperer."""
    context = frame(request, PAGE) | {"whisperers": visible_whisperers(request.user)}
    try:
        return render(request, "monitoring/aside.html", context | listing(request))
    except BadCursor:
        return redirect(PAGE)
    except StoreUnavailable as error:
        return render(request, "monitoring/aside.html", context | {"away": str(error)}, status=503)


def listing(request: HttpRequest) -> dict[str, Any]:
    """What the address asks for, as templates show it. Raises BadCursor, StoreUnavailable."""
    asked = {name: request.GET.get(name, "") for name in ("state", "whisperer", "after")}
    found = aside.listed(request.user, **asked)
    context: dict[str, Any] = {"asked": asked, "found": found, "all": sum(found.counts.values())}
    context["refused"] = aside.refused(request.user).hits if not asked["after"] else []
    context["tabs_of_states"] = [
        {"name": name, "count": count, "url": f"?{urlencode({'state': name, 'whisperer': asked['whisperer']})}"}
        for name, count in found.counts.items()
    ]
    if found.after:
        context["next"] = f"?{urlencode(asked | {'after': found.after})}"
    return context


@screen
@require_POST
def again_action(request: HttpRequest) -> HttpResponse:
    """Try one again; back to where the button was."""
    aside_again(user=request.user, id=request.POST.get("id", ""))
    messages.success(request, "It is tried again now. Look again in some seconds.")
    return back_to(request, PAGE)
