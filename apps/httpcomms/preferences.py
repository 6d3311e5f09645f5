"""Preferences of a person, by name. Each name has a check of its own: what is kept can always be used."""

from collections.abc import Callable
from typing import Any, Final

from django.contrib.auth.models import User

from apps.core.errors import ApplicationError
from apps.httpcomms import merging
from apps.httpcomms.models import Preference
from apps.whisperers.rights import Person

#: What may be kept: name → check, which gives the value as it is kept and raises ApplicationError.
Check = Callable[[Any], Any]
KNOWN: Final[dict[str, Check]] = {
    "map": merging.checked_rules,
    "map-positions": merging.checked_positions,
}


def preference(user: Person, name: str, default: Any = None) -> Any:
    """What the person keeps under a name; `default` where nothing is kept, or nobody is signed in."""
    if not user.is_authenticated:
        return default
    found = Preference.objects.filter(user_id=user.pk, name=name).values_list("value", flat=True).first()
    return default if found is None else found


def preference_set(user: User, name: str, value: Any) -> Any:
    """Keep a value; gives it as it is kept. ApplicationError for a name or a value that is none."""
    checked = _check(name)(value)
    Preference.objects.update_or_create(user=user, name=name, defaults={"value": checked})
    return checked


def preference_clear(user: User, name: str) -> None:
    """Forget a value: the usual one is used again."""
    _check(name)
    Preference.objects.filter(user=user, name=name).delete()


def _check(name: str) -> Check:
    if name not in KNOWN:
        message = f"There is no preference {name!r}. There are: {', '.join(sorted(KNOWN)) or 'none'}."
        raise ApplicationError(message, code="not_found", field="name", status_code=404)
    return KNOWN[name]
