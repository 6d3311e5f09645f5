"""The page of a capture, where an upload or an agent sends a person to see what came of it, and that of a whisperer's
files."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from apps.captures.files import files_context
from apps.captures.models import Capture
from apps.core.links import search_url
from apps.whisperers.rights import visible_whisperers
from apps.whisperers.views.base import frame

#: Seconds between looks while nothing of the capture can be shown yet.
LOOK_AGAIN = 1


def capture_page(request: HttpRequest, capture: str) -> HttpResponse:
    """The search page on a capture's own time range; while none of it was read yet, a page that looks again."""
    row = get_object_or_404(Capture.objects.filter(whisperer__in=visible_whisperers(request.user)), pk=capture)
    if row.first_packet is not None and row.last_packet is not None:
        return redirect(search_url(row.pk, row.first_packet, row.last_packet))
    spool = getattr(row, "spool", None)
    response = render(request, "captures/reading.html", {"capture": row, "spool": spool})
    if row.state == Capture.State.OPEN and not (spool and spool.error):
        response["Refresh"] = str(LOOK_AGAIN)
    return response


def files_page(request: HttpRequest, id: UUID) -> HttpResponse:
    """The files of a whisperer, with a place to drop new ones; `?panel` gives the inside alone, for a tab."""
    whisperer = get_object_or_404(visible_whisperers(request.user), pk=id)
    context = files_context(whisperer, request.user)
    if "panel" in request.GET:
        return render(request, "captures/files_panel.html", context)
    return render(request, "captures/files.html", frame(request, whisperer, "files") | context)
