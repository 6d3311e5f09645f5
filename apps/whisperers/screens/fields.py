"""The configuration as a form shows it: fields in their groups, each with its label, its help and where its value is
from; and changes as lines of a diff."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from django.utils import timezone

from apps.core import words
from apps.whisperers.configuration.checks import applies, known_interfaces, problems_in_force
from apps.whisperers.configuration.resolve import resolve, resolve_with
from apps.whisperers.configuration.schema import FieldInfo, Kind, fields
from apps.whisperers.models import Change, Instance, Whisperer

LABELS = {
    "interfaces": "Network interfaces", "filter": "Filter (BPF)", "snap": "Snap length",
    "seconds": "Delay before sending",
    "uploads": "Parallel uploads", "queue": "Queue size", "chunk": "Chunk size", "spool": "Spool on disk",
    "cpu_limit": "CPU limit", "rate_limit": "Rate limit", "ring": "Kernel ring", "file": "Capture file",
    "host_blacklist": "Host-name blacklist", "api_timeout": "Time-out of calls", "poll_seconds": "Polling interval",
    "status_seconds": "Status interval", "body_limit": "Body limit", "policy": "Storage policy",
    "origin_headers": "Origin headers", "query_keys": "In queries", "body_keys": "In bodies", "headers": "In headers",
    "json": "JSON path", "regex": "Pattern",
}  # fmt: skip
_LEVELS = {"default": "Spider", "server": "server", "team": "team"}


@dataclass(frozen=True, slots=True)
class FieldView:
    """A field with what stands beside its value. `origin` is empty where the value is set here."""

    info: FieldInfo
    label: str
    origin: str
    set_by: str

    @property
    def bounds(self) -> str:
        """What values are allowed, in words."""
        unit = {"list": " entries", "table": " rules", "str": " characters"}.get(self.info.type, f" {self.info.unit}")
        least, most = self.info.least, self.info.most
        if self.info.type == "bool" or most is None:
            return ""
        return f"{least or 0:,} to {most:,}{unit}".strip()


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a diff: `sign` is "+", "-" or a blank."""

    sign: str
    text: str


@dataclass(frozen=True, slots=True)
class ChangedField:
    """A field that a change touched. `before` and `after` in short where they fit a line, else `lines`."""

    label: str
    before: str
    after: str
    lines: list[Line]


def label_of(name: str) -> str:
    """A field's name as people read it."""
    return LABELS.get(name, name.replace("_", " ").capitalize())


def groups(whisperer: Whisperer, kind: Kind) -> list[tuple[str, list[FieldView]]]:
    """The fields that the whisperer has, in the order of the form."""
    resolved = resolve(whisperer, kind)
    who = _setters(whisperer, kind)
    found: dict[str, list[FieldView]] = {}
    for info in fields(kind):
        if applies(info, whisperer.mode):
            origin = resolved.origins[info.name]
            view = FieldView(info, label_of(info.name), "" if origin == "whisperer" else origin, who.get(info.name, ""))
            found.setdefault(info.group or "Other", []).append(view)
    return list(found.items())


def for_script(whisperer: Whisperer, kind: Kind, *, may: bool) -> dict[str, Any]:
    """What the script of the form begins with."""
    resolved, inherited = resolve(whisperer, kind), resolve_with(whisperer, kind, {})
    found = problems_in_force(whisperer, kind, resolved)
    return {
        "kind": kind,
        "may": may,
        "name": whisperer.name,
        "fields": [info.as_json() | {"label": label_of(info.name), "parts": _parts(info)}
                   for info in fields(kind) if applies(info, whisperer.mode)],
        "values": resolved.values,
        "own": resolved.own,
        "inherited": inherited.values,
        "levels": {name: level_words(whisperer, word) for name, word in inherited.origins.items()},
        "revision": resolved.revision,
        "problems": [problem.as_json() for problem in found],
    }  # fmt: skip


def _parts(info: FieldInfo) -> list[dict[str, Any]]:
    return [part.as_json() | {"label": label_of(part.name)} for part in info.parts]


def level_words(whisperer: Whisperer, level: str) -> str:
    """Where an inherited value is from, in words."""
    if level == "team" and whisperer.team is not None:
        return f"team {whisperer.team.name}"
    return _LEVELS.get(level, level)


def interfaces(instances: Iterable[Instance]) -> list[dict[str, Any]]:
    """The interfaces that agents told, with how many have each: what a form offers."""
    live = [one for one in instances if one.revoked is None and one.interfaces]
    if not live:
        return []
    found: dict[str, dict[str, Any]] = {
        "any": {"name": "any", "about": "all of a host together", "on": len(live), "of": len(live)}
    }
    for one in live:
        for told in one.interfaces:
            if isinstance(told, dict) and told.get("name") in known_interfaces([one]):
                entry = found.setdefault(
                    told["name"], {"name": told["name"], "about": _about(told), "on": 0, "of": len(live)}
                )
                entry["on"] += 1
    return list(found.values())


def _about(told: dict[str, Any]) -> str:
    addresses = [str(one) for one in told.get("addresses") or []][:2]
    return ", ".join([*(addresses or ["no address"]), "up" if told.get("up") else "down"])


def _setters(whisperer: Whisperer, kind: Kind) -> dict[str, str]:
    """Who set each field last, and when."""
    who: dict[str, str] = {}
    for change in whisperer.changes.filter(part=kind).order_by("-pk")[:200]:
        for name in change.after:
            who.setdefault(name, f"{change.actor_name or 'the server'}, {_day(change)}")
    return who


def _day(change: Change) -> str:
    day, time, _ = words.local(int(change.at.timestamp()) * words.SECOND, timezone.get_current_timezone())
    return f"{day[5:]} {time[:5]}"


def told(value: Any) -> str:
    """A value in a line."""
    if value is None:
        return "inherited"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return ", ".join(value) or "none"
    return value or "empty" if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def changed_fields(change: Change) -> list[ChangedField]:
    """What a change of a configuration did, field by field."""
    names = dict.fromkeys([*change.before, *change.after])
    return [_changed(name, change.before.get(name), change.after.get(name)) for name in names]


def _changed(name: str, before: Any, after: Any) -> ChangedField:
    short = [told(before), told(after)]
    is_long = any(isinstance(one, (list, dict)) for one in (before, after)) or any(len(text) > 60 for text in short)
    lines = list(_diff(_lines(before), _lines(after))) if is_long else []
    return ChangedField(label_of(name), *short, lines)


def _lines(value: Any) -> list[str]:
    """A value in lines that can be compared: an entry, a rule or a part on each."""
    if value is None:
        return []
    if isinstance(value, list):
        return [one if isinstance(one, str) else _rule(one) for one in value]
    if isinstance(value, dict):
        return [f"{label_of(name)}: {told(part)}" for name, part in value.items()]
    return [told(value)]


def _rule(rule: Any) -> str:
    """A rule of a table in a line: its name, then each part that is given."""
    if not isinstance(rule, dict):
        return told(rule)
    parts = [f"{label_of(name).lower()} {part}" for name, part in sorted(rule.items()) if part and name != "name"]
    return " · ".join([str(rule.get("name", "")), *parts])


def _diff(before: list[str], after: list[str]) -> Iterator[Line]:
    for tag, a, b, c, d in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag == "equal":
            yield from (Line(" ", text) for text in before[a:b])
        else:
            yield from (Line("-", text) for text in before[a:b])
            yield from (Line("+", text) for text in after[c:d])


_DONE = {
    "created": "created it", "renamed": "renamed it", "moved": "moved it to another team", "started": "started capture",
    "stopped": "stopped capture", "shared": "gave rights", "unshared": "took rights away",
    "enrolment": "made an enrolment", "enrolled": "enrolled", "revoked": "revoked", "rotated": "changed keys",
    "purged": "purged", "spared": "stopped a purge", "pinned": "pinned communications",
    "unpinned": "let go of pinned communications", "deleted": "deleted it", "uploaded": "uploaded a file",
    "reprocessed": "had it reprocessed",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ChangeView:
    """An entry of the audit log as a page shows it."""

    change: Change
    actor: str
    done: str
    about: str
    fields: list[ChangedField]
    undoable: bool


def change_view(change: Change, *, may_undo: bool) -> ChangeView:
    """An entry of the audit log in words."""
    if change.part:
        verb = "took back a change of" if change.action == "undone" else "changed"
        done = f"{verb} the {change.part} configuration"
        return ChangeView(change, change.actor_name or "the server", done, "", changed_fields(change), may_undo)
    about = "; ".join(_facts(change.before, change.after))
    done = _DONE.get(change.action, change.action)
    return ChangeView(change, change.actor_name or "the server", done, about, [], undoable=False)


def _facts(before: dict[str, Any], after: dict[str, Any]) -> Iterator[str]:
    for name in dict.fromkeys([*before, *after]):
        if name == "id":
            continue
        if name in before and name in after:
            yield f"{name}: {_fact(before[name])} → {_fact(after[name])}"
        else:
            yield f"{name}: {_fact(before.get(name, after.get(name)))}"


def _fact(value: Any) -> str:
    """A value of the audit log; a moment in the zone of the page."""
    try:
        at = words.nanoseconds(value) if isinstance(value, str) else None
    except ValueError:
        at = None
    if at is None:
        return "none" if value is None else told(value)
    day, time, _ = words.local(at, timezone.get_current_timezone())
    return f"{day} {time[:5]}"
