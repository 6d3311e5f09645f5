"""What every part of the page has in common: reading its address, and saying in a line what was refused."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from apps.core.errors import TOOK_TOO_LONG, ApplicationError, store_words
from apps.httpcomms import screen, selectors
from apps.httpcomms.screen import Screen
from documents.query import QueryError
from store.documents import BadCursor, BadRequest, Scope, StoreUnavailable, TookTooLong

View = Callable[..., HttpResponse]
Name = TypeVar("Name", bound=str)


@dataclass(frozen=True, slots=True)
class Found:
    """How many communications a result has, exact unless `at_least`, and how long it took to find, in ms."""

    total: int
    at_least: bool
    took: float


def read_screen(request: HttpRequest, page: str = "search") -> Screen:
    """The page that the request's address asks for. Raises QueryError and ApplicationError."""
    return screen.read(request.GET.dict(), timezone.get_current_timezone(), page)


def chosen(state: Screen, option: str, known: Sequence[Name]) -> Name:
    """What the address says of an option, the first of what is known where it says nothing that is known."""
    given = state.options.get(option, "")
    return next((name for name in known if name == given), known[0])


def nothing_found(scope: Scope, state: Screen) -> dict[str, Any]:
    """What a view without anything to show says instead: why."""
    return {"why": selectors.explain(scope, state.search), "sees_nothing": scope == frozenset()}


def part(view: View) -> View:
    """A part of the page: what is refused or away is said in its own place, in a line."""

    @functools.wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except ApplicationError as error:
            text, status = error.message, error.status_code
        except (QueryError, BadRequest, BadCursor) as error:
            text, status = str(error), 400
        except TookTooLong:
            text, status = TOOK_TOO_LONG, 504
        except StoreUnavailable as error:
            text, status = store_words(error), 503
        return render(request, "httpcomms/problem.html", {"text": text}, status=200 if request.htmx else status)

    return require_safe(answer)
