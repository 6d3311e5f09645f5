"""The page of what was put aside, and the button that has one of it tried again."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe

from apps.monitoring.selectors import aside
from apps.monitoring.services import aside_again
from apps.monitoring.views.base import frame
from apps.whisperers.rights import visible_whisperers
from apps.whisperers.views.base import screen
from store.documents import BadCursor, StoreUnavailable

PAGE = "monitoring-aside"


@screen
@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Newest first, by state and whisperer."""
    asked = {name: request.GET.get(name, "") for name in ("state", "whisperer", "after")}
    context: dict[str, Any] = frame(request, PAGE) | {"asked": asked, "states": aside.STATES}
    context["whisperers"] = visible_whisperers(request.user)
    try:
        found = aside.listed(request.user, **asked)
    except BadCursor:
        return redirect(PAGE)
    except StoreUnavailable as error:
        return render(request, "monitoring/aside.html", context | {"away": str(error)}, status=503)
    context |= {"found": found, "refused": aside.refused(request.user).hits if not asked["after"] else []}
    context["tabs_of_states"] = [
        {"name": name, "count": count, "url": f"?{urlencode({'state': name, 'whisperer': asked['whisperer']})}"}
        for name, count in found.counts.items()
    ]
    context["all"] = sum(found.counts.values())
    if found.after:
        context["next"] = f"?{urlencode(asked | {'after': found.after})}"
    return render(request, "monitoring/aside.html", context)


@screen
@require_POST
def again_action(request: HttpRequest) -> HttpResponse:
    """Try one again; back to where the button was."""
    aside_again(user=request.user, id=request.POST.get("id", ""))
    messages.success(request, "It is tried again now. Look again in some seconds.")
    back = request.POST.get("back", "")
    here = url_has_allowed_host_and_scheme(back, allowed_hosts=None) and back.startswith(reverse(PAGE))
    return redirect(back if here else reverse(PAGE))
