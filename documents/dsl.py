"""A query's tree as Elasticsearch DSL. Everything is a filter: hits are ordered by time, not by how well they fit.

Only queries that every Elasticsearch 8 and 9 has, without modules: term, range, exists, prefix, wildcard, regexp,
match_phrase, bool. Inside `flattened` fields only the first three and prefix exist; `documents.query` lets no others
through.
"""

from typing import Any

from documents.ast import (
    And,
    Equals,
    Everything,
    Exists,
    Leaf,
    Network,
    Node,
    Not,
    Or,
    Range,
    Regexp,
    Star,
    Wildcard,
    Words,
)
from documents.build import stamp
from documents.values import is_ipv4

_IPV4 = "0.0.0.0/0"


def to_elasticsearch(node: Node) -> dict[str, Any]:
    """The `query` of a search body."""
    match node:
        case Everything():
            return {"match_all": {}}
        case And(children):
            return {"bool": {"filter": [to_elasticsearch(child) for child in children]}}
        case Or(children):
            return {"bool": {"should": [to_elasticsearch(child) for child in children], "minimum_should_match": 1}}
        case Not(child):
            return {"bool": {"must_not": [to_elasticsearch(child)]}}
        case _:
            return _leaf(node)


def _leaf(node: Equals | Network | Range | Exists | Wildcard | Regexp | Words) -> dict[str, Any]:
    name = _name(node)
    match node:
        case Equals():
            return {"term": {name: {"value": node.value}}}
        case Network():
            return _without_ipv4(name, {"term": {name: {"value": node.cidr}}}, is_ipv4(node.cidr.partition("/")[0]))
        case Range():
            return _range(name, node)
        case Exists():
            return {"exists": {"field": name}}
        case Wildcard():
            return _wildcard(name, node)
        case Regexp():
            return {"regexp": {name: {"value": node.pattern, "flags": "NONE"}}}
        case Words():
            return {"match_phrase": {name: {"query": node.text}}}


def _name(node: Leaf) -> str:
    return node.field.name if node.key is None else f"{node.field.name}.{node.key}"


def _range(name: str, node: Range) -> dict[str, Any]:
    bounds: dict[str, Any] = {}
    for value, including, excluding, include in (
        (node.low, "gte", "gt", node.include_low),
        (node.high, "lte", "lt", node.include_high),
    ):
        if value is not None:
            shown = stamp(value) if node.field.type == "date" and isinstance(value, int) else value
            bounds[including if include else excluding] = shown
    query = {"range": {name: bounds}}
    if node.field.type == "ip":
        return _without_ipv4(name, query, is_ipv4(str(node.low)))
    return query


def _without_ipv4(name: str, query: dict[str, Any], ipv4: bool) -> dict[str, Any]:
    """Elasticsearch keeps IPv4 addresses as a part of IPv6; here the two have nothing in common."""
    if ipv4:
        return query
    return {"bool": {"filter": [query], "must_not": [{"term": {name: {"value": _IPV4}}}]}}


def _wildcard(name: str, node: Wildcard) -> dict[str, Any]:
    if node.field.type == "flattened":
        return {"prefix": {name: {"value": "".join(part for part in node.parts if isinstance(part, str))}}}
    pattern = "".join(part.value if isinstance(part, Star) else _literal(part) for part in node.parts)
    if node.fold:
        return {"wildcard": {name: {"value": pattern, "case_insensitive": True}}}
    return {"wildcard": {name: {"value": pattern}}}


def _literal(text: str) -> str:
    return "".join("\\" + char if char in "\\*?" else char for char in text)
