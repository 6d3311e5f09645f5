"""Changes of the configuration: values set at one level, a change taken back, one whisperer made like another."""

from typing import Any, Literal

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction

from apps.core.errors import ApplicationError
from apps.whisperers.configuration.checks import Problem, applies, problems
from apps.whisperers.configuration.parsing import normalised
from apps.whisperers.configuration.resolve import Resolved, Target, own_values, resolve, resolve_with
from apps.whisperers.configuration.schema import Kind, field_names, fields
from apps.whisperers.models import Change, Defaults, Team, Whisperer
from apps.whisperers.services.audit import record

Values = dict[str, Any]


class ConfigurationError(ApplicationError):
    """Values that cannot be used, with everything that is wrong with them."""

    def __init__(self, found: list[Problem]) -> None:
        texts: dict[str, list[str]] = {}
        for problem in found:
            texts.setdefault(problem.field, []).append(f"{problem.message} {problem.fix}")
        first = found[0]
        super().__init__(
            first.text, code="invalid", field=first.field, fields=texts, problems=[one.as_json() for one in found]
        )
        self.problems = found


@transaction.atomic
def configuration_set(
    *,
    target: Target,
    kind: Kind,
    values: Values,
    actor: AbstractBaseUser | None,
    replace: bool = False,
    expected: str | None = None,
) -> Resolved:
    """Set some values of a level; None takes one away, so that the level above is heard again. `replace`: what is not
    among the values is taken away too.

    Raises ConfigurationError, and ApplicationError 412 where the revision is not the expected one any more.
    """
    return _write(target, kind, values, actor, replace=replace, expected=expected)


@transaction.atomic
def configuration_undo(*, change: Change, actor: AbstractBaseUser | None) -> Resolved:
    """Give the fields of a change the values they had before it, if nobody changed them since.

    Raises ApplicationError 400 for what is no change of a configuration, 409 where a later change touched one of its
    fields, and ConfigurationError where the old values cannot be used any more.
    """
    target, kind = _target_of(change)
    row = _locked(target)
    own = own_values(row, kind)
    names = {*change.before, *change.after} & set(field_names(kind))
    moved = sorted(name for name in names if own.get(name) != change.after.get(name))
    if moved:
        raise ApplicationError(
            f"{moved[0]} was changed again since: undo the later change first.",
            code="changed_since", status_code=409, field=moved[0], changed=moved,
        )  # fmt: skip
    return _write(target, kind, {name: change.before.get(name) for name in names}, actor, action="undone")


@transaction.atomic
def configuration_copy(
    *,
    source: Whisperer,
    target: Whisperer,
    kind: Kind,
    actor: AbstractBaseUser | None,
    only: set[str] | None = None,
) -> Resolved:
    """Make a whisperer's configuration the same as another's, wherever that has its values from. What the target
    inherits alike stays inherited; fields that its mode does not have are left out; `only`: nothing but these fields.

    Raises ConfigurationError, for example for an interface that no agent of the target has.
    """
    wanted = resolve(source, kind).values
    inherited = resolve_with(target, kind, {}).values
    copied = {
        field.name: None if wanted[field.name] == inherited[field.name] else wanted[field.name]
        for field in fields(kind)
        if applies(field, target.mode) and applies(field, source.mode) and (only is None or field.name in only)
    }
    return _write(target, kind, copied, actor)


def configuration_try(
    *, target: Target, kind: Kind, values: Values, replace: bool = False
) -> tuple[Resolved, list[Problem]]:
    """What would be in force with some values, and what is wrong with them; nothing is written."""
    own = _merged(own_values(target, kind), values, replace=replace)
    resolved = resolve_with(target, kind, own)
    return resolved, _problems(target, kind, values, resolved)


def _write(
    target: Target,
    kind: Kind,
    values: Values,
    actor: AbstractBaseUser | None,
    *,
    replace: bool = False,
    expected: str | None = None,
    action: Literal["configured", "undone"] = "configured",
) -> Resolved:
    row = _locked(target)
    if expected is not None and resolve(row, kind).revision != expected:
        raise ApplicationError(
            "The configuration was changed meanwhile: read it again, then save.", code="changed", status_code=412
        )
    before = own_values(row, kind)
    merged = _merged(before, values, replace=replace)
    found = _problems(row, kind, values, resolve_with(row, kind, merged))
    if found:
        raise ConfigurationError(found)
    after = merged if kind == "capture" else normalised(merged)
    for one in {id(row): row, id(target): target}.values():
        setattr(one, kind, after)
    if after != before:
        row.save(update_fields=[kind, "updated"] if isinstance(row, Whisperer) else [kind])
        _record(row, kind, before, after, actor, action)
        if before.get("policy") != after.get("policy"):
            policies_follow(row)
    return resolve(row, kind)


def _locked(target: Target) -> Target:
    """The row, to be changed by nobody else until the transaction ends."""
    if isinstance(target, Defaults):
        Defaults.get()
        return Defaults.objects.select_for_update().get(pk=1)
    if isinstance(target, Team):
        return Team.objects.select_for_update().get(pk=target.pk)
    return Whisperer.objects.select_related("team").select_for_update(of=("self",)).get(pk=target.pk)


def _merged(own: Values, values: Values, *, replace: bool) -> Values:
    merged = ({} if replace else own) | values
    return {name: value for name, value in merged.items() if value is not None}


def _problems(target: Target, kind: Kind, values: Values, resolved: Resolved) -> list[Problem]:
    """What is wrong with the values that are set now; those that were there before were checked then."""
    unknown = [name for name in values if name not in field_names(kind)]
    given = {name: value for name, value in values.items() if value is not None or name in unknown}
    if kind == "capture" and "interfaces" in given and resolved.values["filter"]:
        given.setdefault("filter", resolved.values["filter"])  # it is compiled for the interfaces
    if not isinstance(target, Whisperer):
        return problems(kind, given, in_force=resolved.values)
    instances = target.instances.filter(revoked=None)
    return problems(kind, given, mode=target.mode, instances=instances, in_force=resolved.values)


def _record(
    target: Target,
    kind: Kind,
    before: Values,
    after: Values,
    actor: AbstractBaseUser | None,
    action: Literal["configured", "undone"],
) -> None:
    """Write down the fields that changed: a name missing on one side was not set there."""
    changed = [name for name in field_names(kind) if before.get(name) != after.get(name)]
    record(
        actor,
        target if isinstance(target, Whisperer) else None,
        action,
        team=target if isinstance(target, Team) else None,
        subject=str(target) if isinstance(target, Defaults) else "",
        part=kind,
        before={name: before[name] for name in changed if name in before},
        after={name: after[name] for name in changed if name in after},
    )


def _target_of(change: Change) -> tuple[Target, Kind]:
    if change.part not in ("capture", "parsing"):
        raise ApplicationError(
            f"Only changes of a configuration can be undone; this one is {change.action!r}.", code="not_undoable"
        )
    kind: Kind = "capture" if change.part == "capture" else "parsing"
    target = change.whisperer or change.team
    if target is not None:
        return target, kind
    if change.subject != str(Defaults()):
        raise ApplicationError(f"{change.subject} does not exist any more.", code="not_found", status_code=404)
    return Defaults.get(), kind


def policies_follow(target: Target) -> None:
    """Write the storage policy in force into the whisperers that hear a level: new captures take it from there."""
    if isinstance(target, Whisperer):
        rows = Whisperer.objects.filter(pk=target.pk)
    elif isinstance(target, Team):
        rows = Whisperer.objects.filter(team=target)
    else:
        rows = Whisperer.objects.all()
    for row in rows.select_related("team"):
        policy = resolve(row, "parsing").values["policy"]
        if policy != row.policy:
            Whisperer.objects.filter(pk=row.pk).update(policy=policy)
