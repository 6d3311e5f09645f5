"""The page of servers, breakers and what waits, for staff; it asks again by itself."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from apps.monitoring.selectors.servers import servers
from apps.monitoring.views.base import frame, staff_only
from apps.whisperers.views.base import screen

PAGE = "monitoring-servers"


@screen
@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """The whole page; htmx gets what changes, again and again."""
    staff_only(request)
    if request.htmx and not request.htmx.boosted:
        return render(request, "monitoring/servers_now.html", {"found": servers()})
    return render(request, "monitoring/servers.html", frame(request, PAGE) | {"found": servers()})
