"""Bodies: a panel in the way that was asked for, images, and HTML in a frame that can do nothing."""

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.clickjacking import xframe_options_sameorigin

from apps.core.errors import ApplicationError
from apps.httpcomms import bodyof, bodyviews, present, requests, selectors
from apps.httpcomms.bodyviews import images
from apps.httpcomms.downloads import in_place
from apps.httpcomms.explain import anomalies
from apps.httpcomms.views.parts import part
from apps.whisperers.rights import scope_for

#: HTML larger than this is not drawn: the text of it is enough.
MAX_PREVIEW = 2 << 20


@part
def body(request: HttpRequest, id: str, side: str) -> HttpResponse:
    """A body of a communication in one of its ways, or the next portion of it."""
    scope = scope_for(request.user)
    document = selectors.get(scope, id)
    wanted, path = request.GET.get("as", ""), request.GET.get("part", "")
    at = requests.whole_number(request.GET, "at", 0, 0, 999_999_999)
    about = (document.get(side) or {}).get("body") or {}
    context: dict[str, Any] = {
        "id": id, "side": side, "about": about, "comm": document, "part": path, "at": at,
        "address": reverse("communication-body", args=[id, side]),
        "sides": [(key, words, _size(document, key)) for key, words in (("req", "Request"), ("res", "Response"))],
    }  # fmt: skip
    if about.get("size"):
        try:
            context |= _shown(scope, document, side, path, wanted, at)
        except ApplicationError as error:
            context["problem"] = error.message
    return render(request, "httpcomms/portion.html" if at and "shown" in context else "httpcomms/body.html", context)


def _size(document: dict[str, Any], side: str) -> int:
    return int(((document.get(side) or {}).get("body") or {}).get("size") or 0)


def _shown(scope: Any, document: dict[str, Any], side: str, path: str, wanted: str, at: int) -> dict[str, Any]:
    found = bodyof.content(scope, document, side, path)
    shown = bodyviews.show(found.data, found.text, found.content_type, raw=found.raw, wanted=wanted, at=at)
    place = {"part": path} if path else {}
    return {
        "found": found,
        "shown": shown,
        "query": urlencode(place),
        "oddities": [anomalies.oddity(code) for code in found.whole.decoded.anomalies] if not path else [],
        "refused_image": images.refusal(shown.content, found.data) if shown.way == "image" else "",
        "can_preview": shown.html and len(found.data) <= MAX_PREVIEW,
        "charset": present.charset(found.content_type),
    }


@part
def image(request: HttpRequest, id: str, side: str) -> HttpResponse:
    """An image with the content type that its bytes say, in a policy that lets nothing run."""
    found = _content(request, id, side)
    known = images.image(found.data)
    refusal = images.refusal(known, found.data) if known else "These bytes are no image that is drawn here."
    if known is None or refusal:
        raise ApplicationError(refusal, code="not_found", status_code=404)
    return in_place(found.data, known.content_type)


@xframe_options_sameorigin
@part
def preview(request: HttpRequest, id: str, side: str) -> HttpResponse:
    """HTML for a sandboxed frame: no scripts, no forms, nothing fetched from anywhere, an origin of its own."""
    found = _content(request, id, side)
    shown = bodyviews.show(found.data, found.text, found.content_type)
    if shown.text is None or not shown.html or len(found.data) > MAX_PREVIEW:
        raise ApplicationError("There is no HTML to show.", code="not_found", status_code=404)
    return in_place(shown.text.encode("utf-8", "replace"), "text/html; charset=utf-8", framed=True)


def _content(request: HttpRequest, id: str, side: str) -> bodyof.Content:
    scope = scope_for(request.user)
    return bodyof.content(scope, selectors.get(scope, id), side, request.GET.get("part", ""))
