"""A search that takes long, as it comes: each answer has the next rows and asks for the one after it."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from apps.httpcomms.selectors import progress
from apps.httpcomms.views import grid
from apps.httpcomms.views.parts import part, read_screen
from apps.httpcomms.views.searched import shown
from apps.whisperers.rights import scope_for


@part
def more(request: HttpRequest) -> HttpResponse:
    """The next slices of a search: rows, the count so far, and how far it came."""
    state = read_screen(request)
    before = progress.read(
        {name.removeprefix("at-"): value for name, value in request.GET.items() if name.startswith("at-")}
    )
    found = progress.go_on(scope_for(request.user), grid.sized(state), before)
    context = grid.more_rows(request, state, found.page, before.rows) | shown(state, found.reached)
    context |= {"found": found.page, "first_rows": not before.rows and found.hits}
    return render(request, "httpcomms/progress_more.html", context)
