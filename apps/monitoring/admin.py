"""What was set aside, in the admin. Its records are documents of the store and no rows, so this is a page of its own,
which the index of the admin leads to; listing and trying again are those of the site's page.
"""

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path
from django.views.decorators.http import require_POST, require_safe

from apps.core.errors import ApplicationError, store_words
from apps.monitoring.services import aside_again
from apps.monitoring.views.aside import listing
from apps.monitoring.views.base import back_to
from store.documents import BadCursor, StoreUnavailable

PAGE = "admin-aside"
TEMPLATE = "admin/monitoring/aside.html"

admin.site.index_template = "admin/monitoring/index.html"


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Newest first, by state."""
    context = admin.site.each_context(request) | {"title": "Set aside"}
    try:
        return render(request, TEMPLATE, context | listing(request))
    except BadCursor:
        return redirect(PAGE)
    except ApplicationError as error:
        return render(request, TEMPLATE, context | {"refusal": error.message}, status=error.status_code)
    except StoreUnavailable as error:
        return render(request, TEMPLATE, context | {"refusal": store_words(error)}, status=503)


@require_POST
def again_action(request: HttpRequest) -> HttpResponse:
    """Try one again; back to where the button was."""
    try:
        aside_again(user=request.user, id=request.POST.get("id", ""))
        messages.success(request, "It is tried again now. Look again in some seconds.")
    except ApplicationError as error:
        messages.error(request, error.message)
    return back_to(request, PAGE)


def urls() -> list[URLPattern]:
    """The addresses, to stand before those of the admin's models."""
    view = admin.site.admin_view
    return [
        path("admin/monitoring/aside/", view(page), name=PAGE),
        path("admin/monitoring/aside/again/", view(again_action), name="admin-aside-again"),
    ]
