"""What the pages have in common: which there are, for whom, and the frame around them."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from apps.core.errors import ApplicationError
from apps.whisperers.rights import is_staff


@dataclass(frozen=True, slots=True)
class PageKind:
    """A page of monitoring: its tab, the name of its address, and whether only staff may open it."""

    title: str
    url: str
    staff: bool = False


PAGES = (
    PageKind("Packets", "monitoring"),
    PageKind("Set aside", "monitoring-aside"),
    PageKind("Servers", "monitoring-servers", staff=True),
    PageKind("Storage", "monitoring-storage", staff=True),
)


def staff_only(request: HttpRequest) -> None:
    """Raises ApplicationError 403 for anyone else."""
    if not is_staff(request.user):
        message = "Only staff may see this page: ask an administrator of Spider."
        raise ApplicationError(message, code="forbidden", status_code=403)


def back_to(request: HttpRequest, page: str) -> HttpResponse:
    """To where a button was: an address below that of `page` that the form says, else the page."""
    back = request.POST.get("back", "")
    here = url_has_allowed_host_and_scheme(back, allowed_hosts=None) and back.startswith(reverse(page))
    return redirect(back if here else page)


def frame(request: HttpRequest, page: str) -> dict[str, Any]:
    """What `monitoring/base.html` needs; `page` is the name of the address that is shown."""
    return {
        "page": page,
        "title": next(kind.title for kind in PAGES if kind.url == page),
        "tabs": [
            {"title": kind.title, "url": reverse(kind.url), "name": kind.url}
            for kind in PAGES
            if is_staff(request.user) or not kind.staff
        ],
    }
