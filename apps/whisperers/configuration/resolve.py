"""Which values are in force: a field's value is the whisperer's own, else its team's, else the server's, else the
default written in the schema."""

import hashlib
import json
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from apps.whisperers.configuration.schema import Kind, field_names, fields
from apps.whisperers.models import Defaults, Team, Whisperer

Target = Whisperer | Team | Defaults


@dataclass(frozen=True, slots=True)
class Resolved:
    """The values in force. `origins` says of each field where its value is from: "default", "server", "team" or
    "whisperer"; `own` are the values set at the level that was asked for. `revision` changes with the values alone
    (and, of a capture configuration, with whether to capture)."""

    values: dict[str, Any]
    origins: dict[str, str]
    own: dict[str, Any]
    revision: str


def resolve(target: Target, kind: Kind) -> Resolved:
    """The configuration of a whisperer; of a team or the defaults what whisperers get that say nothing themselves."""
    return resolve_with(target, kind, own_values(target, kind))


def value_of(target: Target, kind: Kind, name: str) -> Any:
    """The value in force of one field."""
    levels = [*inherited_levels(target, kind), ("", own_values(target, kind))]
    default = next(field.default for field in fields(kind) if field.name == name)
    return next((level[name] for _, level in reversed(levels) if name in level), default)


def resolve_with(target: Target, kind: Kind, own: dict[str, Any]) -> Resolved:
    """The configuration that would be in force with other values of its own."""
    values = {field.name: deepcopy(field.default) for field in fields(kind)}  # the schema's own stay untouched
    origins = dict.fromkeys(values, "default")
    for word, level in [*inherited_levels(target, kind), (level_of(target), own)]:
        for name, value in level.items():
            if name in values:
                values[name] = value
                origins[name] = word
    return Resolved(values, origins, own, _revision(target, kind, values))


def own_values(target: Target, kind: Kind) -> dict[str, Any]:
    """What is set at this level, without what an older version knew and this one does not."""
    return _known(target.capture if kind == "capture" else target.parsing, kind)


def _known(stored: dict[str, Any], kind: Kind) -> dict[str, Any]:
    known = field_names(kind)
    return {name: value for name, value in stored.items() if name in known}


def inherited_levels(target: Target, kind: Kind) -> list[tuple[str, dict[str, Any]]]:
    """The levels above, the highest first."""
    if isinstance(target, Defaults):
        return []
    told = target.__dict__.get(f"server_{kind}", ...)  # a list of whisperers brings it along: one query for all
    server = Defaults.objects.filter(pk=1).values_list(kind, flat=True).first() if told is ... else told
    levels = [("server", _known(server or {}, kind))]
    if isinstance(target, Whisperer) and target.team is not None:
        levels.append(("team", own_values(target.team, kind)))
    return levels


def level_of(target: Target) -> str:
    """The word for a level, as `origins` has it."""
    if isinstance(target, Whisperer):
        return "whisperer"
    return "team" if isinstance(target, Team) else "server"


def _revision(target: Target, kind: Kind, values: dict[str, Any]) -> str:
    told: dict[str, Any] = {"values": values}
    if kind == "capture" and isinstance(target, Whisperer):
        told["capturing"] = target.capturing
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:32]
