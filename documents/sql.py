"""A query's tree as a condition of PostgreSQL over a table of documents.

A table has a typed column for each field with a `column` and the whole document as jsonb in `doc`. Values always are
parameters, names come from the field table alone. Every condition is true or false: a field without a value meets none,
so "not" finds it, as in Elasticsearch.
"""

from collections.abc import Callable
from typing import Any

import orjson

from documents import words
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
from documents.fields import Field
from documents.values import is_ipv4

Sql = tuple[str, list[Any]]

_CASTS = {"long": "bigint", "integer": "bigint", "short": "bigint", "double": "double precision", "ip": "inet",
          "boolean": "boolean"}


def to_sql(node: Node) -> Sql:
    """The condition with `%s` in the places of its parameters, and these in order."""
    match node:
        case Everything():
            return "TRUE", []
        case And(children):
            return _joined(children, " AND ")
        case Or(children):
            return _joined(children, " OR ")
        case Not(child):
            text, params = to_sql(child)
            return f"({text}) IS NOT TRUE", params
        case _:
            return _leaf(node)


def _joined(children: tuple[Node, ...], word: str) -> Sql:
    texts, params = [], []
    for child in children:
        text, more = to_sql(child)
        texts.append(f"({text})")
        params.extend(more)
    return word.join(texts), params


def _leaf(node: Equals | Network | Range | Exists | Wildcard | Regexp | Words) -> Sql:
    if isinstance(node, Exists):
        return _exists(node)
    condition = _condition(node)
    if condition is None:
        return "FALSE", []
    if node.key is not None or node.field.many:
        if isinstance(node, Equals) and isinstance(node.value, str) and not (node.field.nested or node.field.numbers):
            return _text_in(node, node.value)
        text, params = condition("(value #>> '{}')")
        values = f"jsonb_path_query({root_of(node.field)}, %s::jsonpath)"
        return f"EXISTS (SELECT FROM {values} AS value WHERE {text})", [_path(node), *params]
    return condition(value_of(node.field))


def _text_in(node: Equals, text: str) -> Sql:
    """Text in a list, or alone."""
    if not _apart(node.field) or node.key is None:  # both is what jsonb's ? finds
        return "(doc #> %s::text[]) ? %s", [[*node.field.path, *_keys(node)], text]
    # Containment comes from the column's index.
    column = node.field.column_name
    wanted = [orjson.dumps({node.key: value}).decode() for value in (text, [text])]
    return f"{column} @> %s::jsonb OR {column} @> %s::jsonb", wanted


def value_of(field: Field) -> str:
    """The SQL of a field's single value: its column, or what the document says; dates there stay text."""
    if field.column is not None:
        return field.column_name
    text = "(doc #>> '{" + ",".join(field.path) + "}')"
    cast = _CASTS.get(field.type)
    return f"{text}::{cast}" if cast else text


def _keys(node: Leaf) -> tuple[str, ...]:
    return (node.key,) if node.key is not None else ()


def _path(node: Leaf) -> str:
    return path_of(node.field, node.key)


def root_of(field: Field) -> str:
    """What the path of a field begins at: the document, or the column that its keys have to themselves."""
    return field.column_name if _apart(field) else "doc"


def _apart(field: Field) -> bool:
    return field.column == "jsonb"


def path_of(field: Field, key: str | None) -> str:
    """A lax JSON path: it looks into the lists on its way, and gives the members of the one at its end."""
    keys = (*(() if _apart(field) else field.path), *((key,) if key is not None else ()))
    return "$" + "".join(f".{orjson.dumps(step).decode()}" for step in keys) + "[*]"


def _exists(node: Exists) -> Sql:
    root = root_of(node.field)
    if node.field.type == "flattened" and node.key is None:
        return f"EXISTS (SELECT FROM jsonb_path_query({root}, %s::jsonpath))", [_path(node)[:-3] + ".*"]
    if node.key is not None or node.field.many:
        return f"EXISTS (SELECT FROM jsonb_path_query({root}, %s::jsonpath))", [_path(node)]
    return f"{value_of(node.field)} IS NOT NULL", []


def _condition(node: Equals | Network | Range | Wildcard | Regexp | Words) -> Callable[[str], Sql] | None:
    """What must hold for one value, given the SQL of that value. None: nothing can meet it."""
    match node:
        case Equals(field, key, value):
            return lambda sql: (f"{_typed(sql, field, key)} = %s{_cast_of(field)}", [value])
        case Network(_, _, cidr):
            return lambda sql: (f"{sql}::inet <<= %s::inet", [cidr])
        case Range():
            return lambda sql: _range(sql, node)
        case Wildcard():
            return lambda sql: _wildcard(sql, node)
        case Regexp(_, _, pattern):
            return lambda sql: (f"{sql} ~ %s", [f"^(?:{pattern})$"])
        case Words(_, _, text):
            found = words.words(text)
            return (lambda sql: _words(sql, found)) if found else None


def _words(sql: str, found: list[str]) -> Sql:
    """ILIKE is quick and leaves little for the pattern, which knows where words begin and end."""
    pattern = words.phrase_pattern(found)
    longest = max(found, key=len)
    if not longest.isascii():
        return f"{sql} ~ %s", [pattern]
    return f"{sql} ILIKE %s AND {sql} ~ %s", [f"%{_literal(longest)}%", pattern]


def _typed(sql: str, field: Field, key: str | None) -> str:
    """A value that came out of the document as text, in the field's type."""
    cast = _CASTS.get(field.type)
    return f"{sql}::{cast}" if cast and key is None and sql.startswith("(value") else sql


def _cast_of(field: Field) -> str:
    cast = _CASTS.get(field.type)
    return f"::{cast}" if cast else ""


def _range(sql: str, node: Range) -> Sql:
    field = node.field
    value, cast = _typed(sql, field, node.key), _cast_of(field)
    if field.type == "date" and sql != field.column_name:
        # Text of a fixed width: its order is that of time.
        value, cast = f'{value} COLLATE "C"', ""
    elif field.type == "keyword":
        value, cast = f'{value} COLLATE "C"', ""
    texts, params = [], []
    above, below = (">=" if node.include_low else ">"), ("<=" if node.include_high else "<")
    for bound, operator in ((node.low, above), (node.high, below)):
        if bound is not None:
            texts.append(f"{value} {operator} %s{cast}")
            params.append(stamp(bound) if value.endswith('"C"') and isinstance(bound, int) else bound)
    if field.type == "ip":
        texts.append(f"family({value}) = {4 if is_ipv4(str(node.low)) else 6}")
    return " AND ".join(texts), params


def _wildcard(sql: str, node: Wildcard) -> Sql:
    if node.field.type == "text":
        return f"{sql} ~ %s", [_word_pattern(node.parts)]
    if node.fold and not all(part.isascii() for part in node.parts if isinstance(part, str)):
        pattern = "".join({Star.MANY: ".*", Star.ONE: "."}[part] if isinstance(part, Star) else words.any_case(part)
                          for part in node.parts)
        return f"{sql} ~ %s", [f"^(?:{pattern})$"]
    like = "".join({Star.MANY: "%", Star.ONE: "_"}[part] if isinstance(part, Star) else _literal(part)
                   for part in node.parts)
    return f"{sql} {'ILIKE' if node.fold else 'LIKE'} %s", [like]


def _literal(text: str) -> str:
    return "".join("\\" + char if char in "\\%_" else char for char in text)


def _word_pattern(parts: tuple[str | Star, ...]) -> str:
    """A pattern for a text with a word that fits the parts."""
    out = []
    first, last = parts[0], parts[-1]
    if isinstance(first, str):
        out.append(words.start_of(first[0]))
    for part in parts:
        out.append(words.inside(part is Star.MANY) if isinstance(part, Star) else words.any_case(part))
    if isinstance(last, str):
        out.append(words.end_of(last[-1]))
    return "".join(out)
