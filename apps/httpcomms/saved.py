"""Saved queries: who sees them, who changes them, and what is kept.

A query is its owner's. It may be shared with teams that the owner is in, and only for as long as the owner is: members
see it, use it and copy it. It is changed by its owner, and by staff once it is shared. Nobody else's private query
exists for anyone.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.urls import reverse

from apps.core.errors import ApplicationError
from apps.httpcomms import screen
from apps.httpcomms.models import SavedQuery
from apps.whisperers.models import Team
from apps.whisperers.rights import Person, is_staff

#: Parameters of the page's address that are kept beside the query: not what is open or selected.
KEPT: Final = ("from", "to", "wide", "sort", "view", *(set(screen.OPTIONS) - {"select", "saved"}))
#: Of one owner: a list that a person can still look through.
MOST: Final = 500
PARAMETER_LENGTH: Final = 2_000


def saved_queries(user: Person) -> QuerySet[SavedQuery]:
    """The queries that a person may see: their own, and those shared with a team that they and the owner are in."""
    if not (user.is_authenticated and user.is_active):
        return SavedQuery.objects.none()
    shared = Team.objects.filter(saved_queries=OuterRef("pk")).filter(members=OuterRef("owner"))
    if not is_staff(user):
        shared = shared.filter(members=user.pk)
    found = SavedQuery.objects.filter(Q(owner=user.pk) | Exists(shared))
    return found.select_related("owner").prefetch_related("teams__members")


def saved_query(user: Person, id: UUID) -> SavedQuery:
    """One of them; ApplicationError 404 for any other."""
    found = saved_queries(user).filter(pk=id).first()
    if found is None:
        raise ApplicationError("There is no such saved query.", code="not_found", status_code=404)
    return found


def teams_of(user: Person) -> QuerySet[Team]:
    """The teams that a person may share with."""
    return Team.objects.filter(members=user.pk)


def shared_with(user: Person, query: SavedQuery) -> list[Team]:
    """The teams that a query is shared with, as far as the person may know of them."""
    teams = [team for team in query.teams.all() if query.owner in team.members.all()]
    if query.owner_id == user.pk or is_staff(user):
        return teams
    return [team for team in teams if any(member.pk == user.pk for member in team.members.all())]


def may_change(user: Person, query: SavedQuery) -> bool:
    """Whether the person may change, share and delete it. Who asks sees it already."""
    return query.owner_id == user.pk or is_staff(user)


def address(query: SavedQuery) -> str:
    """The search page as it was saved."""
    state = {"q": query.query, **query.parameters, "saved": str(query.pk)}
    return f"{reverse('search')}?{urlencode({name: value for name, value in state.items() if value})}"


@transaction.atomic
def saved_query_create(*, owner: User, given: Mapping[str, Any]) -> SavedQuery:
    """Save a query. ApplicationError and QueryError for what could not be opened again, or a name that is taken."""
    User.objects.select_for_update().get(pk=owner.pk)  # two at once with one name: the second finds it taken
    if owner.saved_queries.count() >= MOST:  # type: ignore[attr-defined]
        raise ApplicationError(f"You have {MOST} saved queries, and more cannot be kept: delete some.", code="limit")
    made = SavedQuery(owner=owner)
    _fill(made, given)
    made.save()
    if "teams" in given:
        _share(made, given["teams"])
    return made


@transaction.atomic
def saved_query_change(*, user: Person, query: SavedQuery, given: Mapping[str, Any]) -> SavedQuery:
    """Change what is given of a query, leave the rest. ApplicationError 403 for who may only use it."""
    _require(user, query)
    User.objects.select_for_update().get(pk=query.owner_id)
    _fill(query, given)
    query.save()
    if "teams" in given:
        _share(query, given["teams"])
    return query


def saved_query_delete(*, user: Person, query: SavedQuery) -> None:
    """Delete a query, for everyone it was shared with."""
    _require(user, query)
    query.delete()


def _require(user: Person, query: SavedQuery) -> None:
    if not may_change(user, query):
        raise ApplicationError(
            f"Only {query.owner.get_username()} may change this query: save a copy of your own.",
            code="forbidden",
            status_code=403,
        )


def _fill(query: SavedQuery, given: Mapping[str, Any]) -> None:
    if "name" in given:
        query.name = _name(query, given["name"])
    if "note" in given:
        query.note = given["note"].strip()
    if "query" in given:
        query.query = given["query"].strip()
    if "parameters" in given:
        query.parameters = _parameters(given["parameters"])
    # What cannot be opened is not saved: a page refuses the same, with the same words.
    screen.read({"q": query.query, **query.parameters}, UTC)


def _name(query: SavedQuery, given: str) -> str:
    name = " ".join(given.split())
    if not name:
        raise ApplicationError("Give it a name.", code="invalid", field="name")
    if SavedQuery.objects.filter(owner=query.owner_id, name=name).exclude(pk=query.pk).exists():
        message = f"There is a saved query called {name} already: choose another name, or update that one."
        raise ApplicationError(message, code="taken", field="name")
    return name


def _parameters(given: Mapping[str, str]) -> dict[str, str]:
    unknown = sorted(set(given) - set(KEPT))
    if unknown:
        message = f"{unknown[0]} is not kept with a query. These are: {', '.join(sorted(KEPT))}."
        raise ApplicationError(message, code="invalid", field="parameters")
    if any(len(value) > PARAMETER_LENGTH for value in given.values()):
        raise ApplicationError(
            f"A parameter has at most {PARAMETER_LENGTH} characters.", code="invalid", field="parameters"
        )
    return {name: value for name, value in given.items() if value}


def _share(query: SavedQuery, numbers: Iterable[int]) -> None:
    wanted = set(numbers)
    teams = list(teams_of(query.owner).filter(pk__in=wanted))
    missing = wanted - {team.pk for team in teams}
    if missing:
        message = f"There is no team {min(missing)} that {query.owner.get_username()} is in."
        raise ApplicationError(message, code="invalid", field="teams")
    query.teams.set(teams)
