"""The query language: Lucene's syntax to a tree of conditions on known fields.

    req.method:POST AND stats.statusCode:>=500        stats.duration:[2s TO *]        req.path:/api/orders/*
    stats.src.origin:10.0.0.0/8                       req.headers.x-request-id:abc    _exists_:res.location
    req.host:/shop-[0-9]+/                            -stats.statusClass:2xx          "payment failed" orders

Conditions side by side must all hold. A word without a field is looked for in the fields whose `bare` says so: inside
host, path, query and names whatever the case, and as a word of the bodies' text. A range with a star is open.
Everything is checked against the field table: an unknown field or a value of another type is a `QueryError` that says
where.
"""

import re
from collections.abc import Callable, Iterator

import luqum.tree as lucene
from luqum.exceptions import IllegalCharacterError, ParseSyntaxError
from luqum.thread import parse as lucene_parse

from documents import fields as table
from documents import regexps, values
from documents.ast import (
    And,
    Equals,
    Everything,
    Exists,
    Network,
    Node,
    Not,
    Or,
    Range,
    Regexp,
    Star,
    Value,
    Wildcard,
    Words,
)
from documents.errors import QueryError
from documents.fields import Field
from documents.lexing import Prepared, prepare

__all__ = ["CLAUSES", "Node", "QueryError", "parse"]

#: Conditions of one query, after words without a field are spread over theirs.
CLAUSES = 500
_NESTING = 60

_PLACE = re.compile(r"position (\d+)")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_EXISTS = "_exists_"


def parse(text: str, resource: str = "httpcomms") -> Node:
    """The tree of a query on a resource; an empty query finds everything. Raises QueryError."""
    prepared = prepare(text)
    if not prepared.text.strip():
        return Everything()
    try:
        tree = lucene_parse(prepared.text)
    except (ParseSyntaxError, IllegalCharacterError) as error:
        raise _syntax_error(str(error), prepared) from error
    builder = _Builder(resource, prepared)
    return builder.node(tree, None, 0)


def _syntax_error(message: str, prepared: Prepared) -> QueryError:
    found = _PLACE.search(message)
    if found is None:
        return QueryError("the query ends too early: something is missing, perhaps a parenthesis", prepared.length)
    place = prepared.place(int(found[1]))
    return QueryError(f"{prepared.text[int(found[1]) :][:20]!r} does not fit here", place)


Target = tuple[Field, str | None]


class _Builder:
    """Walks Lucene's tree; one for each query."""

    def __init__(self, resource: str, prepared: Prepared) -> None:
        self.resource = resource
        self.prepared = prepared
        self.clauses = 0
        self.place = 0

    def node(self, item: lucene.Item, target: Target | None, depth: int) -> Node:
        """The node of an item; `target` is the field whose parentheses it stands in."""
        if depth > _NESTING:
            raise QueryError("the query is nested too deep", self.place)
        self.place = self.prepared.place(item.pos or 0)
        if isinstance(item, lucene.AndOperation | lucene.UnknownOperation):
            return And(tuple(self.node(child, target, depth + 1) for child in item.children))
        if isinstance(item, lucene.OrOperation):
            return Or(tuple(self.node(child, target, depth + 1) for child in item.children))
        if isinstance(item, lucene.Not | lucene.Prohibit):
            return Not(self.node(item.children[0], target, depth + 1))
        if isinstance(item, lucene.Plus | lucene.Group | lucene.FieldGroup):
            return self.node(item.children[0], target, depth + 1)
        if isinstance(item, lucene.SearchField):
            if target is not None:
                raise QueryError("a field cannot stand inside another field's parentheses", self.place)
            return self._field(item, depth)
        if isinstance(item, lucene.Fuzzy | lucene.Proximity | lucene.Boost):
            raise QueryError("fuzziness (~1) and boosts (^2) are not known", self.place)
        return self._leaf(item, target)

    def _field(self, item: lucene.SearchField, depth: int) -> Node:
        name = _unescape(item.name)
        if name == _EXISTS:
            return self._exists(item.expr)
        return self.node(item.expr, self._find(name), depth + 1)

    def _exists(self, item: lucene.Item) -> Node:
        self.place = self.prepared.place(item.pos or 0)
        if not isinstance(item, lucene.Word):
            raise QueryError("_exists_ wants the name of a field", self.place)
        field, key = self._find(_unescape(item.value))
        return self._counted(Exists(field, key))

    def _find(self, name: str) -> Target:
        found = table.find(self.resource, name)
        if found is None:
            near = table.suggest(self.resource, name)
            hint = f"; did you mean {near}?" if near else ""
            raise QueryError(f"there is no field {name!r}{hint}", self.place, near)
        return found

    def _counted(self, node: Node) -> Node:
        self.clauses += 1
        if self.clauses > CLAUSES:
            raise QueryError(f"a query has at most {CLAUSES} conditions", self.place)
        return node

    def _leaf(self, item: lucene.Item, target: Target | None) -> Node:
        make = _reader(item)
        if make is None:
            raise QueryError(f"{str(item)[:40]!r} is not known here", self.place)
        try:
            if target is not None:
                return self._counted(make(target))
            if isinstance(item, lucene.Range | lucene.From | lucene.To | lucene.Regex):
                raise QueryError("a range or regular expression needs a field in front", self.place)
            return self._bare(item)
        except values.BadValue as error:
            raise QueryError(str(error), self.place) from error

    def _bare(self, item: lucene.Item) -> Node:
        """A word or phrase without a field, in every field that says so."""
        parts, text = _content(item)
        _short(parts)
        if parts == (Star.MANY,):
            return Everything()
        nodes: list[Node] = []
        for field in table.fields(self.resource).values():
            if field.bare == "contains":
                nodes.append(self._counted(Wildcard(field, None, _simple((Star.MANY, *parts, Star.MANY)), fold=True)))
            elif field.bare == "words" and text is not None:
                nodes.append(self._counted(Words(field, None, text)))
            elif field.bare == "words":
                nodes.append(self._counted(Wildcard(field, None, parts, fold=True)))
        return Or(tuple(nodes))


def _reader(item: lucene.Item) -> Callable[[Target], Node] | None:
    if isinstance(item, lucene.Word | lucene.Phrase):
        return lambda target: _value(item, *target)
    if isinstance(item, lucene.Regex):
        return lambda target: _regexp(item, *target)
    if isinstance(item, lucene.Range):
        return lambda target: _range(item.low, item.high, item.include_low, item.include_high, *target)
    if isinstance(item, lucene.From):
        return lambda target: _range(item.a, None, item.include, True, *target)
    if isinstance(item, lucene.To):
        return lambda target: _range(None, item.a, True, item.include, *target)
    return None


def _unescape(text: str) -> str:
    return _ESCAPE.sub(r"\1", text)


def _content(item: lucene.Item) -> tuple[tuple[str | Star, ...], str | None]:
    """The parts of a word's pattern, and its text if it has no stars. A phrase never has any."""
    if isinstance(item, lucene.Phrase):
        text = _unescape(item.value[1:-1])
        return (text,), text
    parts = _simple(_parts(item.value))
    if any(isinstance(part, Star) for part in parts):
        return parts, None
    return parts, "".join(part for part in parts if isinstance(part, str))


def _parts(word: str) -> Iterator[str | Star]:
    at = 0
    while at < len(word):
        char = word[at]
        if char == "\\" and at + 1 < len(word):
            at += 1
            yield word[at]
        elif char in "*?":
            yield Star(char)
        else:
            yield char
        at += 1


def _simple(parts: Iterator[str | Star] | tuple[str | Star, ...]) -> tuple[str | Star, ...]:
    """Join neighbouring text, and stars that say no more together than alone."""
    joined: list[str | Star] = []
    for part in parts:
        last = joined[-1] if joined else None
        if isinstance(part, str) and isinstance(last, str):
            joined[-1] = last + part
        elif part is not Star.MANY or last is not Star.MANY:
            joined.append(part)
    return tuple(joined)


def _value(item: lucene.Item, field: Field, key: str | None) -> Node:
    parts, text = _content(item)
    if parts == (Star.MANY,):
        return Exists(field, key)
    if text is None:
        _short(parts)
    if field.type == "flattened" and key is None:
        raise values.BadValue(f"{field.name} has names inside: write {field.name}.<name>:…")
    if field.type == "text":
        return Words(field, key, text) if text is not None else Wildcard(field, key, parts, fold=True)
    if field.type in ("keyword", "flattened"):
        if text is None and key is not None and (parts[-1] is not Star.MANY or not _one_text(parts[:-1])):
            raise values.BadValue(f"inside {field.name} a * can only stand at the end")
        if text is None:
            return Wildcard(field, key, tuple(_lowered(field, part) for part in parts))
        return Equals(field, key, text.lower() if field.lower else text)
    if text is None:
        raise values.BadValue(f"{field.name} is a {_words_for(field)}, which knows no * or ?; use a range")
    return _typed(field, key, text)


def _short(parts: tuple[str | Star, ...]) -> None:
    if sum(len(part) if isinstance(part, str) else 1 for part in parts) > regexps.PATTERN_LENGTH:
        raise values.BadValue(f"a pattern has at most {regexps.PATTERN_LENGTH} characters")


def _one_text(parts: tuple[str | Star, ...]) -> bool:
    return len(parts) == 1 and isinstance(parts[0], str)


def _lowered(field: Field, part: str | Star) -> str | Star:
    return part.lower() if field.lower and isinstance(part, str) else part


def _words_for(field: Field) -> str:
    return {"ip": "IP address", "date": "date", "boolean": "true or false"}.get(field.type, "number")


def _typed(field: Field, key: str | None, text: str) -> Node:
    if field.type == "boolean":
        return Equals(field, key, values.boolean(field, text))
    if field.type == "date":
        first, last = values.date(field, text)
        return Range(field, key, first, last)
    if field.type == "ip":
        if "/" in text:
            return Network(field, key, values.network(field, text))
        return Equals(field, key, values.ip(field, text))
    codes = values.status_class(field, text)
    if codes is not None:
        return Range(field, key, *codes)
    return Equals(field, key, values.number(field, text))


def _regexp(item: lucene.Regex, field: Field, key: str | None) -> Node:
    if field.type != "keyword":
        raise values.BadValue(f"{field.name} cannot be searched by a regular expression")
    return Regexp(field, key, regexps.check(item.value[1:-1].replace("\\/", "/")))


def _bound(item: lucene.Item | None) -> str | None:
    """The text of one end of a range; None if open."""
    if item is None:
        return None
    parts, text = _content(item)
    if parts == (Star.MANY,):
        return None
    if text is None:
        raise values.BadValue("the ends of a range know no * or ? besides a * alone")
    return text


def _range(
    low: lucene.Item | None, high: lucene.Item | None, include_low: bool, include_high: bool, field: Field,
    key: str | None,
) -> Node:
    bottom, top = _bound(low), _bound(high)
    if field.type in ("text", "flattened", "boolean"):
        raise values.BadValue(f"{field.name} cannot be searched by a range")
    if bottom is None and top is None:
        return Exists(field, key)
    if field.type == "date":
        return _date_range(field, key, bottom, top, include_low, include_high)
    first = None if bottom is None else _end(field, bottom)
    last = None if top is None else _end(field, top)
    if field.type == "ip":
        if first is None or last is None:
            raise values.BadValue(f"a range of {field.name} needs both ends; a network like 10.0.0.0/8 may say it")
        values.same_version(field, str(first), str(last))
    return Range(field, key, first, last, include_low, include_high)


def _end(field: Field, text: str) -> Value:
    if field.type == "keyword":
        return text.lower() if field.lower else text
    return values.ip(field, text) if field.type == "ip" else values.number(field, text)


def _date_range(
    field: Field, key: str | None, bottom: str | None, top: str | None, include_low: bool, include_high: bool
) -> Node:
    """A date stands for its span: after it begins behind its end, before it ends at its start."""
    low = high = None
    if bottom is not None:
        first, last = values.date(field, bottom)
        low = first if include_low else last
    if top is not None:
        first, last = values.date(field, top)
        high = last if include_high else first
    return Range(field, key, low, high, include_low, include_high)
