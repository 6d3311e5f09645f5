"""The rules of a whisperer as workers apply them, made from the plain values of its parsing configuration."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from documents.ids import PINNED, POLICY
from documents.masking import DEFAULT_MASKING, HEADERS, KEYS, Masking
from documents.rules import clients, errors, kept, tags, templates
from documents.rules.clients import Clients
from documents.rules.correlation import CORRELATION_HEADERS
from documents.rules.errors import RuleError, shown
from documents.rules.kept import LeftOut
from documents.rules.parts import Parts
from documents.rules.tags import Tag
from documents.rules.templates import Template
from wire.limits import Limits

#: The values of a whisperer that nobody configured. A `body_limit` of 0 is the server's own.
DEFAULTS: Mapping[str, Any] = {
    "save_packets": True,
    "save_bodies": True,
    "body_limit": 0,
    "content_types": [],
    "templates": [],
    "tags": [],
    "correlation_headers": list(CORRELATION_HEADERS),
    "masking": {"headers": sorted(HEADERS), "query_keys": sorted(KEYS), "body_keys": []},
    "identification": list(clients.IDENTIFICATION),
    "origin_headers": list(clients.ORIGIN_HEADERS),
    "trusted_proxies": [],
    "policy": "default",
}

#: The most that `body_limit` may say. The server's own limit is usually lower and counts too.
BODY_LIMIT = 1 << 30
_MASKED = 200
_CORRELATION = 20
_WHO = frozenset({"authorization", *clients.ORIGIN_HEADERS})


@dataclass(frozen=True, slots=True, eq=False)
class Labels:
    """Templates and tags: what gives a communication a name and values to search by."""

    templates: tuple[Template, ...] = ()
    tags: tuple[Tag, ...] = ()

    def template(self, parts: Parts) -> tuple[int, str] | None:
        """Number and name of the first template that fits a request."""
        for number, one in enumerate(self.templates):
            name = one.name_of(parts)
            if name:
                return number, name
        return None

    def tagged(self, parts: Parts) -> dict[str, list[str]]:
        """Values by the names of tags; a name without a value is left out."""
        found: dict[str, list[str]] = {}
        for tag in self.tags:
            values = tag.values(parts)
            if values:
                known = found.setdefault(tag.name, [])
                known += [value for value in dict.fromkeys(values) if value not in known]
        return {name: values[: tags.VALUES] for name, values in found.items()}

    def put(self, document: dict[str, Any], parts: Parts) -> None:
        """Write both into a document."""
        if self.templates and "req" in document:
            template = self.template(parts)
            if template is not None:
                document["req"]["template"] = template[1]
        if self.tags:
            found = self.tagged(parts)
            if found:
                document["stats"]["tags"] = found


@dataclass(frozen=True, slots=True, eq=False)
class ParsingRules:
    """What a whisperer's documents are made by. Where a rule asks for nothing, it is None and costs nothing."""

    save_packets: bool = True
    body_limit: int = 0
    policy: str = "default"
    masking: Masking = DEFAULT_MASKING
    correlation: tuple[str, ...] = CORRELATION_HEADERS
    #: None: as `documents.identity` does it.
    clients: Clients | None = None
    #: None: every body is kept.
    left_out: LeftOut | None = None
    #: None: there are neither templates nor tags.
    labels: Labels | None = None
    #: Fields of a request that may tell of the client.
    who: frozenset[str] = _WHO

    def limits(self, server: Limits) -> Limits:
        """The bounds of parsing: the server's, with bodies cut where the rules say so, if that is earlier."""
        if not self.body_limit or self.body_limit >= server.body_bytes:
            return server
        return _limited(server, self.body_limit)


@lru_cache(64)
def _limited(server: Limits, body_limit: int) -> Limits:
    return replace(server, body_bytes=body_limit)


DEFAULT_RULES = ParsingRules()


def compile_rules(values: Mapping[str, Any]) -> ParsingRules:
    """The rules that plain values (of DEFAULTS' names) make; what is missing or None is as in DEFAULTS. Raises
    RuleError."""
    rules, wrong = _compile(values)
    if wrong:
        raise wrong[0]
    return rules


def problems(values: Mapping[str, Any]) -> list[RuleError]:
    """Everything that is wrong with the values, at most one thing for each name of DEFAULTS."""
    return _compile(values)[1]


def _masking(name: str, value: Any) -> Masking:
    said = errors.parts(name, value, ("headers", "query_keys", "body_keys"))
    lists = DEFAULTS["masking"] | said
    return Masking(
        frozenset(clients.compile_headers(f"{name}.headers", lists["headers"], _MASKED)),
        frozenset(errors.names(f"{name}.query_keys", lists["query_keys"], _MASKED)),
        frozenset(errors.names(f"{name}.body_keys", lists["body_keys"], _MASKED)),
    )


def _policy(name: str, value: Any) -> str:
    if not isinstance(value, str) or not POLICY.fullmatch(value):
        fix = "Use lower-case letters and digits, beginning with a letter, up to 32."
        raise RuleError(name, value, f"{shown(value)} is no storage policy.", fix)
    if value == PINNED:
        raise RuleError(name, value, f"{shown(value)} is where pins are kept.", "Choose another policy.")
    return value


_READERS: Mapping[str, Callable[[str, Any], Any]] = {
    "save_packets": errors.flag,
    "save_bodies": errors.flag,
    "body_limit": lambda name, value: errors.whole(name, value, BODY_LIMIT),
    "content_types": kept.compile_types,
    "templates": templates.compile_templates,
    "tags": tags.compile_tags,
    "correlation_headers": lambda name, value: clients.compile_headers(name, value, _CORRELATION),
    "masking": _masking,
    "identification": clients.compile_sources,
    "origin_headers": clients.compile_headers,
    "trusted_proxies": clients.compile_networks,
    "policy": _policy,
}


def _compile(values: Mapping[str, Any]) -> tuple[ParsingRules, list[RuleError]]:
    wrong = [
        RuleError(name, values[name], "There is no such field.", f"Use {', '.join(DEFAULTS)}.")
        for name in values
        if name not in DEFAULTS
    ]
    found: dict[str, Any] = {}
    for name, read in _READERS.items():
        value = values.get(name)
        try:
            found[name] = read(name, DEFAULTS[name] if value is None else value)
        except RuleError as error:
            wrong.append(error)
    return (DEFAULT_RULES if wrong else _rules(found)), wrong


def _rules(found: Mapping[str, Any]) -> ParsingRules:
    who = Clients(found["identification"], found["origin_headers"], found["trusted_proxies"])
    every_body = found["save_bodies"] and not found["content_types"]
    labelled = found["templates"] or found["tags"]
    return ParsingRules(
        save_packets=found["save_packets"],
        body_limit=found["body_limit"],
        policy=found["policy"],
        masking=found["masking"],
        correlation=found["correlation_headers"],
        clients=None if who.usual else who,
        left_out=None if every_body else LeftOut(found["content_types"], found["save_bodies"]),
        labels=Labels(found["templates"], found["tags"]) if labelled else None,
        who=who.headers,
    )
