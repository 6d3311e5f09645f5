"""Pins: who keeps which communications beyond their days, and until when.

Whoever may search all that a pin names sees it. To pin needs the right "pin" on each whisperer of which something is
pinned, to take a pin back the same, or that it is one's own.
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import Count, Exists, OuterRef, QuerySet
from django.urls import reverse
from django.utils import timezone

from apps.core.errors import ApplicationError
from apps.core.tasks import send
from apps.core.words import SECOND, nanoseconds, rfc3339
from apps.httpcomms.models import Pin, PinnedCommunication
from apps.httpcomms.requests import Search
from apps.httpcomms.selectors.export import in_order
from apps.whisperers.models import RIGHTS, Whisperer
from apps.whisperers.rights import Person, is_staff, scope_for, visible_whisperers
from apps.whisperers.services.audit import record

#: Communications of one pin.
MOST: Final = 5_000
#: Ids in the address of a search: a query has at most 4,000 characters.
IN_ADDRESS: Final = 50


def pins_of(user: Person) -> QuerySet[Pin]:
    """The pins that a person may see, the newest first, with how many communications each has as `count`."""
    found = Pin.objects.filter(removed=None).annotate(count=Count("communications"))
    if is_staff(user):
        return found
    hidden = PinnedCommunication.objects.filter(pin=OuterRef("pk")).exclude(
        whisperer__in=visible_whisperers(user, "search")
    )
    return found.exclude(Exists(hidden))


def pin_of(user: Person, id: UUID) -> Pin:
    """One of them; ApplicationError 404 for any other."""
    found = pins_of(user).filter(pk=id).first()
    if found is None:
        raise ApplicationError("There is no such pin.", code="not_found", status_code=404)
    return found


def may_remove(user: Person, pin: Pin) -> bool:
    """Whether the person may take a pin back. Who asks sees it already."""
    return pin.owner_id == user.pk or not _without_right(user, whisperers_of(pin))


def whisperers_of(pin: Pin) -> QuerySet[Whisperer]:
    """The whisperers of which it keeps something."""
    return Whisperer.objects.filter(pk__in=pin.communications.values("whisperer"))


def searches(pin: Pin) -> list[str]:
    """The pin as searches, each for as many of its communications as an address holds, in the order of time."""
    found = list(pin.communications.order_by("date", "communication").values_list("date", "communication"))
    some = (found[first : first + IN_ADDRESS] for first in range(0, len(found), IN_ADDRESS))
    return [f"{reverse('search')}?{urlencode(_search(one))}" for one in some]


def _search(some: Sequence[tuple[int, str]]) -> dict[str, str]:
    query = "id:(" + " OR ".join(f'"{id}"' for _, id in some) + ")"
    return {"q": query, "from": rfc3339(some[0][0]), "to": rfc3339(some[-1][0] + SECOND)}


@transaction.atomic
def pin_create(*, owner: AbstractBaseUser, name: str, note: str = "", wanted: Search, ids: Sequence[str] = ()) -> Pin:
    """Pin what a search finds, or the communications chosen. ApplicationError 403 names the right that is missing, 400
    says that there are too many or none."""
    title = " ".join(name.split())
    if not title:
        raise ApplicationError("Give it a name.", code="invalid", field="name")
    found = list(islice(_found(owner, wanted, ids), MOST + 1))
    if not found:
        raise ApplicationError("Nothing was found to pin.", code="nothing", field="ids" if ids else "q")
    if len(found) > MOST:
        message = f"More than {MOST:,} communications are found, and a pin has at most so many: narrow the query."
        raise ApplicationError(message, code="limit", field="q")
    whisperers = list(Whisperer.objects.filter(pk__in={whisperer for whisperer, *_ in found}))
    _require(owner, whisperers)
    pin = Pin.objects.create(
        name=title, note=note.strip(), owner_id=owner.pk, owner_name=owner.get_username(), query="" if ids else wanted.q
    )
    known = {str(whisperer.pk) for whisperer in whisperers}
    PinnedCommunication.objects.bulk_create(
        PinnedCommunication(pin=pin, whisperer_id=whisperer, communication=id, session=session, date=date)
        for whisperer, id, session, date in found
        if whisperer in known
    )
    for whisperer in whisperers:
        count = sum(one == str(whisperer.pk) for one, *_ in found)
        record(owner, whisperer, "pinned", after={"pin": title, "communications": count})
    return pin


def _found(owner: Person, wanted: Search, ids: Sequence[str]) -> Iterator[tuple[str, str, str, int]]:
    for hit in in_order(scope_for(owner), wanted, ids):
        yield hit["whisperer"], hit["id"], hit["tcpSession"], nanoseconds(hit["date"])


def _require(user: Person, whisperers: Sequence[Whisperer]) -> None:
    missing = _without_right(user, whisperers)
    if missing:
        raise ApplicationError(
            f"You may not {RIGHTS['pin']}: ask for the right 'pin' on {missing[0]}.",
            code="forbidden",
            status_code=403,
            right="pin",
        )


def _without_right(user: Person, whisperers: Any) -> list[str]:
    allowed = set(visible_whisperers(user, "pin").values_list("pk", flat=True))
    return sorted(whisperer.name for whisperer in whisperers if whisperer.pk not in allowed)


@transaction.atomic
def pin_remove(*, pin: Pin, actor: AbstractBaseUser) -> None:
    """Take a pin back: what its day has lost already goes in the background, the rest with its day."""
    if pin.owner_id != actor.pk:
        _require(actor, list(whisperers_of(pin)))
    Pin.objects.filter(pk=pin.pk, removed=None).update(removed=timezone.now())
    for whisperer in whisperers_of(pin):
        count = pin.communications.filter(whisperer=whisperer).count()
        record(actor, whisperer, "unpinned", before={"pin": pin.name, "communications": count})
    send("tasks.maintenance.unpin", queue="maintenance")
