"""Grants: what a person or a team may do with a whisperer."""

from collections.abc import Iterable

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction

from apps.core.errors import ApplicationError
from apps.whisperers.models import RIGHTS, Grant, Team, Whisperer
from apps.whisperers.services.audit import record


@transaction.atomic
def grant_set(
    *,
    whisperer: Whisperer,
    rights: Iterable[str],
    user: AbstractBaseUser | None = None,
    team: Team | None = None,
    actor: AbstractBaseUser | None = None,
) -> Grant | None:
    """Give exactly these rights to a person or a team, "see" always among them; none at all takes the grant away.

    Raises ApplicationError 400 for an unknown right.
    """
    wanted = set(rights)
    unknown = sorted(wanted - RIGHTS.keys())
    if unknown:
        raise ApplicationError(
            f"There is no right {unknown[0]!r}: choose from {', '.join(RIGHTS)}.", code="invalid", field="rights"
        )
    whom = {"user_id": user.pk} if user is not None else {"team": team}
    name = user.get_username() if user is not None else str(team)
    before = Grant.objects.select_for_update().filter(whisperer=whisperer, **whom).first()
    old = before.rights if before is not None else []
    if not wanted:
        if before is not None:
            before.delete()
            record(actor, whisperer, "unshared", before={name: old})
        return None
    ordered = [right for right in RIGHTS if right in wanted | {"see"}]
    grant, _ = Grant.objects.update_or_create(whisperer=whisperer, **whom, defaults={"rights": ordered})
    if ordered != old:
        record(actor, whisperer, "shared", before={name: old}, after={name: ordered})
    return grant
