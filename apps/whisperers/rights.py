"""What a person may do: the one place that decides, asked by every read of the document store and by every change.

Staff may do everything. Anyone else has the rights that grants give, to the person or to a team of theirs; every right
includes seeing the whisperer. A service account has what grants give it, as far as its owner has it too: what a person
loses, their programs lose.
"""

from collections.abc import Iterable
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db.models import Q, QuerySet

from apps.core.errors import ApplicationError
from apps.whisperers.models import RIGHTS, Grant, ServiceAccount, Whisperer
from store.documents import EVERYTHING, Scope

Person = AbstractBaseUser | AnonymousUser
ALL = frozenset(RIGHTS)


def scope_for(user: Person, right: str = "search") -> Scope:
    """The whisperers whose documents the person may read, with the right "search", or "packets" for packets.

    Nobody is refused here: who may see nothing gets an empty scope, and a search of it finds nothing.
    """
    if is_staff(user):
        return EVERYTHING
    return frozenset(str(key) for key in visible_whisperers(user, right).values_list("pk", flat=True))


def visible_whisperers(user: Person, right: str = "see") -> QuerySet[Whisperer]:
    """The whisperers on which the person has a right; the same rule as `scope_for`."""
    if not (user.is_authenticated and user.is_active):
        return Whisperer.objects.none()
    if is_staff(user):
        return Whisperer.objects.all()
    grants = _grants_of(user)
    if right != "see":
        grants = grants.filter(rights__contains=[right])
    given = Whisperer.objects.filter(pk__in=grants.values("whisperer"))
    if not is_service(user):
        return given
    return given.filter(pk__in=visible_whisperers(_owner(user), right).values("pk"))


def rights_of(user: Person, whisperer: Whisperer) -> frozenset[str]:
    """Every right of a person on one whisperer."""
    return rights_on(user, [whisperer])[whisperer.pk]


def rights_on(user: Person, whisperers: Iterable[Whisperer]) -> dict[UUID, frozenset[str]]:
    """Every right of a person on some whisperers, by their ids."""
    whisperers = list(whisperers)
    keys = [whisperer.pk for whisperer in whisperers]
    if is_staff(user):
        return dict.fromkeys(keys, ALL)
    found = dict.fromkeys(keys, frozenset[str]())
    if user.is_authenticated and user.is_active:
        given = _grants_of(user).filter(whisperer__in=keys).values_list("whisperer", "rights")
        for key, rights in given:
            found[key] |= {"see", *rights}
        if is_service(user):
            bound = rights_on(_owner(user), whisperers)
            return {key: rights & bound[key] for key, rights in found.items()}
    return found


def require(user: Person, whisperer: Whisperer, right: str) -> None:
    """Raises ApplicationError: 404 where the person may not even see the whisperer, else 403 naming the right."""
    rights = rights_of(user, whisperer)
    if right in rights:
        return
    if not rights:
        raise ApplicationError("There is no such whisperer.", code="not_found", status_code=404)
    raise ApplicationError(
        f"You may not {RIGHTS[right]}: ask for the right {right!r} on {whisperer.name}.",
        code="forbidden",
        status_code=403,
        right=right,
    )


def require_to_share(user: Person, whisperer: Whisperer, before: Iterable[str], after: Iterable[str]) -> None:
    """Raises ApplicationError 403 unless the person has each right that is given or taken: nobody gives themselves, or
    takes from others, what they do not have."""
    missing = (set(before) ^ set(after)) - {"see"} - rights_of(user, whisperer)
    if missing:
        right = next(right for right in RIGHTS if right in missing)
        raise ApplicationError(
            f"You may not give or take the right {right!r} on {whisperer.name}: you do not have it.",
            code="forbidden",
            status_code=403,
            right=right,
        )


def may_read_packets(user: Person, whisperer: str) -> bool:
    """Whether the person has the right "packets" on a document's whisperer."""
    scope = scope_for(user, "packets")
    return scope is EVERYTHING or whisperer in scope


def packet_scope(user: Person, whisperer: str) -> Scope:
    """The scope to read packets with, of a document's whisperer, which the person may search. Raises ApplicationError
    403 naming the right "packets" where it is missing: credentials are not masked there."""
    if may_read_packets(user, whisperer):
        return scope_for(user, "packets")
    name = Whisperer.objects.filter(pk=whisperer).values_list("name", flat=True).first()
    raise ApplicationError(
        f"You may not {RIGHTS['packets']}: ask for the right 'packets' on {name or 'this whisperer'}.",
        code="forbidden",
        status_code=403,
        right="packets",
    )


def is_staff(user: Person) -> bool:
    """Whether everything is open to the person; to a program it never is."""
    if not (user.is_authenticated and user.is_active) or is_service(user):
        return False
    return bool(getattr(user, "is_staff", False) or getattr(user, "is_superuser", False))


def is_service(user: Person) -> bool:
    """Whether this is a service account, and no person."""
    return getattr(user, "service", None) is not None


def _owner(user: Person) -> Person:
    """Who answers for a service account; nobody's account may do nothing."""
    service: ServiceAccount = user.service  # type: ignore[union-attr]
    return service.owner or AnonymousUser()


def _grants_of(user: Person) -> QuerySet[Grant]:
    return Grant.objects.filter(Q(user=user.pk) | Q(team__members=user.pk))
