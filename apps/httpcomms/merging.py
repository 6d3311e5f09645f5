r"""Rules of the map: what is one node though it has many names, and what is a gateway. A person edits and keeps them.

    {"replicas": [{"pattern": "^(.+)-\\d{1,3}$", "name": "\\1"}],
     "gateways": [{"pattern": "^gateway$", "unjoined": "leave out"}]}

A replica rule that fits a name gives the node's name, with what its groups found: `\1` or `\g<id>`; the first that fits
decides. A gateway is what a gateway rule fits, after replicas are merged. `unjoined` says what to do with those of its
communications for which no client beyond the gateway is known: `leave out` (they are counted in words) or `draw`.
Patterns are RE2's, as those of parsing rules: their time is linear whatever is written.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Literal

import orjson

from apps.core.errors import ApplicationError
from documents.rules import errors
from documents.rules.errors import RuleError
from documents.rules.patterns import Pattern, compile_pattern, to_bytes, to_text

Unjoined = Literal["leave out", "draw"]
#: Rules of a kind, characters of a name as written, and of a node's name.
RULES, WRITTEN, NAME = 30, 200, 200
#: Positions that are remembered, over all modes.
POSITIONS = 1000

DEFAULTS: Final[Mapping[str, Any]] = {
    "replicas": [
        # Pods of a deployment: Kubernetes makes names without vowels, so that they are no words.
        {"pattern": "^(.+)-[0-9b-df-hj-np-tv-xz]{4,10}-[0-9b-df-hj-np-tv-xz]{2,5}$", "name": "\\1"},
        {"pattern": "^(.+)-[0-9]{1,3}$", "name": "\\1"},  # numbered ones
    ],
    "gateways": [
        {"pattern": "^(api-?)?gateway$", "unjoined": "leave out"},
        {"pattern": "^(nginx|traefik|envoy|haproxy|kong)(-.*)?$", "unjoined": "leave out"},
    ],
}
_REFERENCE = re.compile(r"\\(?:(\d{1,2})|g<(\w{1,40})>)")


@dataclass(frozen=True, slots=True)
class Replicas:
    """Names that are one node: its name as text and groups."""

    pattern: Pattern
    name: tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Gateway:
    """Names that pass on what others ask."""

    pattern: Pattern
    unjoined: Unjoined


@dataclass(frozen=True, slots=True)
class Rules:
    """Compiled rules."""

    replicas: tuple[Replicas, ...] = ()
    gateways: tuple[Gateway, ...] = ()

    def node(self, name: str) -> str:
        """The node that a name is part of; the name itself where no rule fits."""
        looked = to_bytes(name)
        for rule in self.replicas:
            found = rule.pattern.search(looked)
            if found is not None:
                words = [one if isinstance(one, str) else to_text(found.group(one) or b"") for one in rule.name]
                return "".join(words)[:NAME].strip() or name
        return name

    def gateway(self, node: str) -> Gateway | None:
        """The rule that makes a node a gateway."""
        looked = to_bytes(node)
        return next((rule for rule in self.gateways if rule.pattern.search(looked)), None)


def compiled(value: Any) -> Rules:
    """The rules. Raises ApplicationError with the field that is wrong."""
    try:
        return _compiled(orjson.dumps(value))
    except RuleError as error:
        raise ApplicationError(f"{error.message} {error.fix}", code="invalid", field=error.field) from error
    except TypeError as error:  # what is no JSON
        raise ApplicationError("Write the rules as JSON.", code="invalid", field="value") from error


@lru_cache(maxsize=64)
def _compiled(text: bytes) -> Rules:
    said = errors.parts("rules", orjson.loads(text), ("replicas", "gateways"))
    replicas = errors.items("replicas", said.get("replicas", []), RULES)
    gateways = errors.items("gateways", said.get("gateways", []), RULES)
    return Rules(
        tuple(_replicas(f"replicas[{at}]", one) for at, one in enumerate(replicas)),
        tuple(_gateway(f"gateways[{at}]", one) for at, one in enumerate(gateways)),
    )


def _replicas(field: str, value: Any) -> Replicas:
    said = errors.parts(field, value, ("pattern", "name"))
    pattern = compile_pattern(f"{field}.pattern", said.get("pattern"))
    written = errors.text(f"{field}.name", said.get("name"), WRITTEN).strip()
    pieces: list[str | int] = []
    at = 0
    for found in _REFERENCE.finditer(written):
        pieces += [written[at : found.start()], _group(f"{field}.name", written, found, pattern)]
        at = found.end()
    pieces.append(written[at:])
    return Replicas(pattern, tuple(piece for piece in pieces if piece != ""))


def _group(field: str, written: str, found: re.Match[str], pattern: Pattern) -> int:
    name = found[2]
    if name and name in pattern.groupindex:
        return int(pattern.groupindex[name])
    number = int(found[1]) if found[1] else int(name) if name.isascii() and name.isdigit() else 0
    if 0 < number <= pattern.groups:
        return number
    fix = "Name a group that the regular expression has: (…) or (?P<name>…)."
    raise RuleError(field, written, f"There is no group {found[0]}.", fix)


def _gateway(field: str, value: Any) -> Gateway:
    said = errors.parts(field, value, ("pattern", "unjoined"))
    unjoined = said.get("unjoined", "leave out")
    if unjoined not in ("leave out", "draw"):
        raise RuleError(f"{field}.unjoined", unjoined, "That cannot be done.", "Say “leave out” or “draw”.")
    return Gateway(compile_pattern(f"{field}.pattern", said.get("pattern")), unjoined)


def checked_rules(value: Any) -> Any:
    """Rules as they are kept. Raises ApplicationError."""
    compiled(value)
    return {name: list(value.get(name) or []) for name in ("replicas", "gateways")}


def checked_positions(value: Any) -> Any:
    """Where nodes were dragged to, as kept: {mode: {node: [x, y]}}. Raises ApplicationError."""
    try:
        kept = {
            errors.text("mode", mode, 20): {
                errors.text("node", node, NAME + 10): _point(at) for node, at in nodes.items()
            }
            for mode, nodes in value.items()
        }
    except (RuleError, AttributeError, TypeError, ValueError) as error:
        message = "Give {mode: {node: [x, y]}} with numbers."
        raise ApplicationError(message, code="invalid", field="value") from error
    if sum(map(len, kept.values())) > POSITIONS:
        raise ApplicationError(f"At most {POSITIONS} positions are kept.", code="invalid", field="value")
    return kept


def _point(value: Sequence[float]) -> list[float]:
    x, y = value
    if any(isinstance(n, bool) or not isinstance(n, (int, float)) or not abs(n) < 1e6 for n in (x, y)):
        raise ValueError
    return [round(float(x), 1), round(float(y), 1)]
