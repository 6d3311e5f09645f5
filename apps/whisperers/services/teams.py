"""Teams: people who share whisperers. Each change is in the audit log."""

from collections.abc import Iterable

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction

from apps.whisperers.models import Team, Whisperer
from apps.whisperers.services.audit import record
from apps.whisperers.services.configuration import policies_follow


@transaction.atomic
def team_create(*, name: str, members: Iterable[AbstractBaseUser] = (), actor: AbstractBaseUser | None = None) -> Team:
    """Make a team. Raises ValidationError for a name that is taken or too long."""
    team = Team(name=name)
    team.full_clean()
    team.save()
    record(actor, None, "created", team=team, after={"name": name})
    team_members_set(team=team, members=members, actor=actor)
    return team


@transaction.atomic
def team_rename(*, team: Team, name: str, actor: AbstractBaseUser | None = None) -> None:
    """Give a team another name. Raises ValidationError for one that is taken or too long."""
    before = Team.objects.select_for_update().get(pk=team.pk).name
    if name == before:
        return
    team.name = name
    team.full_clean()
    team.save(update_fields=["name"])
    record(actor, None, "renamed", team=team, before={"name": before}, after={"name": name})


@transaction.atomic
def team_members_set(*, team: Team, members: Iterable[AbstractBaseUser], actor: AbstractBaseUser | None = None) -> None:
    """Make exactly these people the team's members: an entry in the log for who joined, one for who left."""
    Team.objects.select_for_update().get(pk=team.pk)
    before = {person.pk: person.get_username() for person in team.members.all()}
    after = {person.pk: person.get_username() for person in members}
    team.members.set(after)
    joined = sorted(name for pk, name in after.items() if pk not in before)
    left = sorted(name for pk, name in before.items() if pk not in after)
    if joined:
        record(actor, None, "joined", team=team, after={"members": joined})
    if left:
        record(actor, None, "left", team=team, before={"members": left})


@transaction.atomic
def team_delete(*, team: Team, actor: AbstractBaseUser | None = None) -> None:
    """Delete a team: its grants go, and its whisperers inherit from the server alone."""
    whisperers = list(team.whisperers.values_list("pk", flat=True))
    before = {
        "name": team.name,
        "members": sorted(person.get_username() for person in team.members.all()),
        "capture": team.capture,
        "parsing": team.parsing,
    }
    record(actor, None, "deleted", team=team, before=before)
    team.delete()
    for whisperer in Whisperer.objects.filter(pk__in=whisperers):
        policies_follow(whisperer)
