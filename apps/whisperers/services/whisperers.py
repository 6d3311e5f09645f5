"""Whisperers themselves: made, renamed, moved to a team, started, stopped, deleted. Each change is in the audit log."""

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from apps.core.errors import ApplicationError
from apps.core.tasks import send
from apps.whisperers.configuration.resolve import resolve
from apps.whisperers.models import RIGHTS, Grant, Team, Whisperer
from apps.whisperers.services.audit import record
from apps.whisperers.services.configuration import policies_follow


@transaction.atomic
def whisperer_create(
    *, name: str, mode: str, policy: str = "default", team: Team | None = None, actor: AbstractBaseUser | None = None
) -> Whisperer:
    """Create a whisperer; who creates it has every right on it. With the policy "default" team and server decide.

    Raises ValidationError for a name already taken, an unknown mode or a bad policy.
    """
    own = {"policy": policy} if policy != "default" else {}
    whisperer = Whisperer(name=name, mode=mode, policy=policy, team=team, parsing=own)
    whisperer.full_clean()
    whisperer.policy = resolve(whisperer, "parsing").values["policy"]
    whisperer.save()
    if actor is not None:
        Grant.objects.create(whisperer=whisperer, user_id=actor.pk, rights=list(RIGHTS))
    record(actor, whisperer, "created", after={"name": name, "mode": mode, "policy": policy})
    return whisperer


@transaction.atomic
def whisperer_rename(*, whisperer: Whisperer, name: str, actor: AbstractBaseUser | None = None) -> None:
    """Give it another name. Raises ValidationError for one that is taken or too long."""
    before = Whisperer.objects.select_for_update().get(pk=whisperer.pk).name
    if name == before:
        return
    whisperer.name = name
    whisperer.full_clean()
    whisperer.save(update_fields=["name", "updated"])
    record(actor, whisperer, "renamed", before={"name": before}, after={"name": name})


@transaction.atomic
def whisperer_move(*, whisperer: Whisperer, team: Team | None, actor: AbstractBaseUser | None = None) -> None:
    """Give it to a team, or to none: what it does not say itself it inherits from there."""
    row = Whisperer.objects.select_related("team").select_for_update(of=("self",)).get(pk=whisperer.pk)
    whisperer.team = team
    if row.team == team:
        return
    whisperer.save(update_fields=["team", "updated"])
    before, after = (None if one is None else one.name for one in (row.team, team))
    record(actor, whisperer, "moved", before={"team": before}, after={"team": after})
    policies_follow(whisperer)


@transaction.atomic
def whisperer_capture(*, whisperer: Whisperer, capturing: bool, actor: AbstractBaseUser | None = None) -> bool:
    """Ask its agents to capture, or to stop. False when that was asked already.

    Raises ApplicationError 400 for one that has no agents.
    """
    if whisperer.mode == Whisperer.Mode.UPLOAD:
        message = f"{whisperer.name} has no agent to start or stop: capture files are uploaded to it."
        raise ApplicationError(message, code="mode", field="mode")
    changed = Whisperer.objects.filter(pk=whisperer.pk, capturing=not capturing).update(
        capturing=capturing, capturing_since=timezone.now()
    )
    if changed:
        record(actor, whisperer, "started" if capturing else "stopped")
        whisperer.refresh_from_db()
    return bool(changed)


@transaction.atomic
def whisperer_delete(*, whisperer: Whisperer, actor: AbstractBaseUser | None = None) -> None:
    """Delete the record with its agents, keys and captures, and in the background what is stored of them."""
    record(actor, whisperer, "deleted", before={"name": whisperer.name, "mode": whisperer.mode})
    send("tasks.maintenance.purge", str(whisperer.pk), queue="maintenance")
    whisperer.delete()


@transaction.atomic
def whisperer_purge(*, whisperer: Whisperer, actor: AbstractBaseUser | None = None) -> None:
    """Remove what it captured, in the background. Captures under way go on, and what they write later stays."""
    record(actor, whisperer, "purged")
    send("tasks.maintenance.purge", str(whisperer.pk), queue="maintenance")
