"""Two communications on one page, side by side."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from apps.core.errors import TOOK_TOO_LONG, ApplicationError, store_words
from apps.httpcomms import present, selectors
from apps.whisperers.rights import scope_for, visible_whisperers
from store.documents import StoreUnavailable, TookTooLong


@require_safe
def compare(request: HttpRequest) -> HttpResponse:
    """The page; what cannot be compared is said on it."""
    try:
        return render(request, "httpcomms/compare.html", _context(request))
    except ApplicationError as error:
        text, status = error.message, error.status_code
        if error.field and error.code == "not_found":
            text = f"The {'first' if error.field == 'a' else 'second'} communication is not there: {text}"
    except TookTooLong:
        text, status = TOOK_TOO_LONG, 504
    except StoreUnavailable as error:
        text, status = store_words(error), 503
    return render(request, "httpcomms/compare.html", {"problem": text}, status=status)


def _context(request: HttpRequest) -> dict[str, Any]:
    scope = scope_for(request.user)
    a, b = selectors.pair(scope, request.GET.dict())
    names = {str(one.pk): one.name for one in visible_whisperers(request.user)}
    only, ignore = request.GET.get("only") == "differences", request.GET.get("ignore") == "moving"
    state = {"a": a["id"], "b": b["id"], "only": "differences" if only else "", "ignore": "moving" if ignore else ""}
    zone = timezone.get_current_timezone()
    return {
        "found": selectors.comparison(scope, a, b, names, zone=zone, ignore=ignore),
        "sides": [_head("a", a, b), _head("b", b, a)],
        "only": only,
        "ignore": ignore,
        "only_url": _url(state | {"only": "" if only else "differences"}),
        "ignore_url": _url(state | {"ignore": "" if ignore else "moving"}),
        "swap_url": _url(state | {"a": b["id"], "b": a["id"]}),
        "api_url": f"{reverse('api-httpcomms-compare')}?{urlencode(_given(state | {'only': ''}))}",
    }


def _head(name: str, document: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """A side's communication in two lines, its timing drawn on a scale that both share."""
    row = present.row(document)
    longest = max(row.duration or 0, present.row(other).duration or 0)
    return {
        "name": name,
        "row": row,
        "reason": present.reason(document),
        "timing": present.timing(document),
        "share": f"{100 * (row.duration or 0) / longest:.2f}%" if longest else "0%",
    }


def _url(parameters: dict[str, str]) -> str:
    return f"{reverse('compare')}?{urlencode(_given(parameters))}"


def _given(parameters: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in parameters.items() if value}
