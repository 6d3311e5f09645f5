"""What is wrong with values, each problem with its field, the value, a sentence, and what to do.

Values are checked alone (type, bounds, form), and with what agents told: their interfaces, and the link types that a
filter is compiled for.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError

from agent.schema import CAPTURE_BY_NAME, shown
from apps.core import bpf
from apps.whisperers.configuration.parsing import Parsing
from apps.whisperers.configuration.resolve import Resolved
from apps.whisperers.configuration.schema import FieldInfo, Kind, field_names, fields
from apps.whisperers.models import Instance, Whisperer
from documents import rules

#: Characters of a wrong value that an answer repeats.
TOLD = 2000

ETHERNET = 1
ANY = "any"
# LINKTYPE_RAW: agents capture "any" without link headers.
RAW = 101

# Errors of pydantic's types: what a value is not.
_EXPECTED = {
    "bool_type": "true or false",
    "int_type": "a whole number",
    "string_type": "text",
    "string_unicode": "text",
    "list_type": "a list",
    "dict_type": "an object",
    "model_type": "an object",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong: `field` is a path like templates[0].path; what is wrong and what to do are a sentence each."""

    field: str
    value: Any
    message: str
    fix: str

    @property
    def text(self) -> str:
        """All of it in a line."""
        return f"{self.field}: {self.message} {self.fix}"

    def as_json(self) -> dict[str, Any]:
        """As the API shows it."""
        return {"field": self.field, "value": _told(self.value), "message": self.message, "fix": self.fix}


def _sendable(text: str) -> str:
    """Text without half characters: JSON can bring them in, UTF-8 cannot take them out again."""
    return text.encode("utf-8", "backslashreplace").decode()


def _told(value: Any) -> Any:
    """A value as it was sent, or its beginning where that is much, or cannot be sent back."""
    try:
        return value if len(json.dumps(value, ensure_ascii=False).encode()) <= TOLD else shown(value)
    except (RecursionError, ValueError, TypeError):  # nested too deep; half a character; no JSON
        return shown(value)


def problems(
    kind: Kind,
    values: dict[str, Any],
    *,
    mode: str = "",
    instances: Iterable[Instance] = (),
    in_force: dict[str, Any] | None = None,
) -> list[Problem]:
    """Everything wrong with some values of a kind, in the order of the fields; an empty list when they may be used.

    `mode`: of the whisperer they are for, empty for a team or the defaults. `instances`: its agents; where none told
    its interfaces, those are not checked. `in_force`: the values that stand beside these, where they matter to a check.
    """
    found = [_unknown(kind, name, value) for name, value in values.items() if name not in field_names(kind)]
    known = {name: value for name, value in values.items() if name in field_names(kind)}
    beside = (in_force or {}) | known
    found += _capture(known, beside, mode, list(instances)) if kind == "capture" else _parsing(known)
    return [Problem(_sendable(p.field), p.value, _sendable(p.message), _sendable(p.fix)) for p in found]


def problems_in_force(whisperer: Whisperer, kind: Kind, resolved: Resolved) -> list[Problem]:
    """What is wrong with the values that a whisperer has, inherited or its own; fields of other modes are left out."""
    values = {field.name: resolved.values[field.name] for field in fields(kind) if applies(field, whisperer.mode)}
    return problems(kind, values, mode=whisperer.mode, instances=whisperer.instances.filter(revoked=None))


def applies(field: FieldInfo, mode: str) -> bool:
    """Whether whisperers of a mode have the field. One for uploads has no agent, so none of the capture fields."""
    if mode == Whisperer.Mode.UPLOAD and field.name in CAPTURE_BY_NAME:
        return False
    return not mode or field.mode in ("", mode)


def _unknown(kind: Kind, name: str, value: Any) -> Problem:
    near = get_close_matches(name, field_names(kind), 1)
    fix = f"Did you mean {near[0]}?" if near else f"Its fields are {', '.join(sorted(field_names(kind)))}."
    return Problem(str(name)[:80], value, f"There is no such field in the {kind} configuration.", fix)


def _capture(values: dict[str, Any], beside: dict[str, Any], mode: str, instances: list[Instance]) -> Iterator[Problem]:
    for info in fields("capture"):
        if info.name not in values:
            continue
        name, value, field = info.name, values[info.name], CAPTURE_BY_NAME[info.name]
        if not applies(info, mode):
            whose = f"of mode {field.mode}" if field.mode else "that have agents"
            yield Problem(name, value, f"It is for whisperers {whose}, this one has the mode {mode}.", "Leave it out.")
        elif wrong := field.wrong(value):
            yield Problem(name, value, *wrong)
        elif field.needs == "interface":
            yield from _interfaces(value, instances)
        elif field.needs == "bpf":
            yield from _filter(value, beside.get("interfaces"), instances)


def _interfaces(names: list[str], instances: list[Instance]) -> Iterator[Problem]:
    """Interfaces that no agent has, or that none can capture."""
    known = known_interfaces(instances)
    usable = [ANY, *sorted(name for name, links in known.items() if links and name != ANY)]
    for name in names if known else ():
        if name == ANY or known.get(name):
            continue
        what = "It is of a kind that agents cannot capture" if name in known else "No agent has the interface"
        yield Problem("interfaces", names, f"{what}: {shown(name)}.", f"Choose from {', '.join(usable)}.")


def known_interfaces(instances: Iterable[Instance]) -> dict[str, frozenset[int]]:
    """The interfaces that agents reported, each with its link types on them; without one it cannot be captured."""
    found: dict[str, frozenset[int]] = {}
    for instance in instances:
        for one in instance.interfaces:
            if instance.revoked is None and isinstance(one, dict) and isinstance(one.get("name"), str):
                link = one.get("link")
                links = frozenset([link] if type(link) is int else [])
                found[one["name"]] = found.get(one["name"], frozenset()) | links
    return found


def _filter(expression: str, interfaces: Any, instances: list[Instance]) -> Iterator[Problem]:
    """A filter that cannot be compiled for the link types it will run on."""
    if not expression:
        return
    known = known_interfaces(instances)
    names = [name for name in interfaces if isinstance(name, str)] if isinstance(interfaces, list) else []
    links = {link for name in names for link in ({RAW} if name == ANY else known.get(name) or {ETHERNET})}
    for link in sorted(links or {ETHERNET}):
        try:
            bpf.compile(expression, link)
        except bpf.FilterError as error:
            yield Problem("filter", expression, f"{str(error)[:1].upper()}{str(error)[1:]}.", "See pcap-filter(7).")
            return
        except bpf.LibraryMissing as error:
            yield Problem("filter", expression, "It cannot be checked here.", f"Note: {error}.")
            return


def _parsing(values: dict[str, Any]) -> list[Problem]:
    """Types first; fields whose types are right are read by those who apply them."""
    found: list[Problem] = []
    try:
        Parsing.model_validate(values)
    except ValidationError as error:
        found = [_of_pydantic(detail) for detail in error.errors(include_url=False)]
    untyped = {re.split(r"[.\[]", problem.field)[0] for problem in found}
    typed = {name: value for name, value in values.items() if name not in untyped}
    found += [Problem(one.field, one.value, one.message, one.fix) for one in rules.problems(typed)]
    order = list(field_names("parsing"))
    return sorted(found, key=lambda problem: order.index(re.split(r"[.\[]", problem.field)[0]))


def _of_pydantic(detail: Any) -> Problem:
    context = detail.get("ctx") or {}
    field, value, kind = _path(detail["loc"]), detail.get("input"), detail["type"]
    if kind in _EXPECTED:
        return Problem(field, value, f"{shown(value)} is not {_EXPECTED[kind]}.", f"Give {_EXPECTED[kind]}.")
    if kind == "missing":
        return Problem(field, None, "It is missing.", "Give it.")
    if kind == "extra_forbidden":
        return Problem(field, value, "There is no such part.", "Leave it out.")
    if kind == "greater_than_equal":
        return Problem(field, value, f"{shown(value)} is too little.", f"Give at least {context['ge']}.")
    if kind == "less_than_equal":
        return Problem(field, value, f"{shown(value)} is too much.", f"Give at most {context['le']}.")
    if kind == "string_too_long":
        return Problem(field, value, "It is too long.", f"Give at most {context['max_length']} characters.")
    return Problem(field, value, f"{detail['msg']}.", "Correct it.")


def _path(parts: Iterable[str | int]) -> str:
    text = ""
    for part in parts:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text
