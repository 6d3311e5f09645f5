"""The audit log's one door: `record`, called inside the transaction of what it records."""

from typing import Any, Literal

from django.contrib.auth.models import AbstractBaseUser

from apps.whisperers.models import Change, Team, Whisperer

Action = Literal[
    "created", "renamed", "moved", "configured", "undone", "started", "stopped", "shared", "unshared", "enrolment",
    "joined", "left",
    "enrolled", "revoked", "rotated", "purged", "spared", "pinned", "unpinned", "dropped", "deleted",
    "uploaded", "discarded", "reprocessed",
]  # fmt: skip


def record(
    actor: AbstractBaseUser | None,
    whisperer: Whisperer | None,
    action: Action,
    *,
    team: Team | None = None,
    subject: str = "",
    part: str = "",
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> Change:
    """Write what was done. `actor` None: the server or an agent. Without `whisperer` it was done to a team, or to what
    `subject` names."""
    named = whisperer or team
    return Change.objects.create(
        actor_id=actor.pk if actor is not None else None,
        actor_name=actor.get_username() if actor is not None else "",
        whisperer=whisperer,
        team=team,
        subject=subject or (named.name if named is not None else ""),
        action=action,
        part=part,
        before=before or {},
        after=after or {},
    )
