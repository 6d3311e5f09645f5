"""People: made, closed and opened again, given another password. Each change is in the audit log, no password is."""

from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction

from apps.whisperers.services.audit import record


@transaction.atomic
def user_create(*, name: str, password: str, email: str = "", actor: User | None = None) -> User:
    """Make a person, who sees nothing yet. Raises ValidationError for a name that is taken, or a weak password."""
    person = User(username=name, email=email)
    _check(person)
    _set_password(person, password)
    person.save()
    record(actor, None, "created", subject=subject_of(person), after={"email": email})
    return person


@transaction.atomic
def user_update(
    *,
    person: User,
    active: bool | None = None,
    staff: bool | None = None,
    email: str | None = None,
    password: str | None = None,
    actor: User | None = None,
) -> None:
    """Change what is given. Who is not active, or has another password, is signed out everywhere.

    Raises ValidationError for a password that is weak or an address that is none.
    """
    row = User.objects.select_for_update().get(pk=person.pk)
    if hasattr(row, "service"):
        _check_service(password=password, staff=staff)
    wanted = {"is_active": active, "is_staff": staff, "email": email}
    changed = {name: value for name, value in wanted.items() if value is not None and value != getattr(row, name)}
    before = {name: getattr(row, name) for name in changed}
    for name, value in changed.items():
        setattr(row, name, value)
    _check(row)
    if password is not None:
        _set_password(row, password)
        changed["password"] = "changed"  # noqa: S105 - a word for the log, no password
    if changed:
        row.save()
        record(actor, None, "configured", subject=subject_of(row), before=before, after=changed)
    person.refresh_from_db()


def _check_service(*, password: str | None, staff: bool | None) -> None:
    """A service account signs in to no page and is bounded by its owner."""
    if password is not None:
        raise ValidationError({"password": ["A service account has no password: make a token for it."]})
    if staff:
        raise ValidationError({"staff": ["A service account cannot be staff: it may at most do what its owner may."]})


def subject_of(person: User) -> str:
    """What the log calls a person."""
    return f"user {person.get_username()}"[:120]


def _check(person: User) -> None:
    """Raises ValidationError by the names that callers know."""
    try:
        person.full_clean(exclude=["password"])
    except ValidationError as error:
        told = {"name" if key == "username" else key: said for key, said in error.message_dict.items()}
        raise ValidationError(told) from None


def _set_password(person: User, password: str) -> None:
    try:
        validate_password(password, person)
    except ValidationError as error:
        raise ValidationError({"password": error.messages}) from None
    person.set_password(password)
