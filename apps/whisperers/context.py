"""What every page knows of whisperers: whether its reader sees any, so that the bar leads to them."""

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from apps.whisperers.rights import is_staff, visible_whisperers


def navigation(request: HttpRequest) -> dict[str, Any]:
    """`sees_whisperers`, asked of the database only by a template that uses it."""
    user = getattr(request, "user", None)
    return {"sees_whisperers": SimpleLazyObject(lambda: user is not None and (may_create(user) or _sees(user)))}


def may_create(user: Any) -> bool:
    """Whether the person may make whisperers."""
    return is_staff(user) or user.has_perm("whisperers.add_whisperer")


def _sees(user: Any) -> bool:
    return visible_whisperers(user).exists()
