"""Why do I see nothing? The chain from rights to query, on a page of its own and inside an empty result."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from apps.httpcomms.selectors.chain import chain
from apps.httpcomms.views.parts import part, read_screen


@part
def why(request: HttpRequest) -> HttpResponse:
    """The page, or for htmx the chain alone."""
    state = read_screen(request)
    context = {"screen": state, "chain": chain(request.user, state)}
    return render(request, "httpcomms/why_chain.html" if request.htmx else "httpcomms/why.html", context)
