"""A query as a list of conditions, so that a screen can add one, drop one and say which removed everything.

Only the outermost level is looked at: `a:1 AND (b:2 OR c:3) -d:4` has three conditions. A condition is simple when it
is about one field and lists what that may be: `a:1`, `a:(1 OR 2)`, `a:[10 TO 100}`, `NOT _exists_:a`, or several of
these with OR. What a simple one lists are its terms: texts as the query language writes them, each in one spelling
(`"x"` becomes `x`, `>=10` becomes `[10 TO *]`), and None for "has no value". Meaning stays with `documents.query`,
which parses what is built here; a text that is not a plain list of conditions is one condition.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from documents import fields as table

#: What a click on a value does: only this (a second click takes it out), not this, this as well as those chosen.
Change = Literal["only", "not", "also"]
CHANGES: tuple[Change, ...] = get_args(Change)
#: A term, or None: documents without a value.
Term = str | None

_TOKEN = re.compile(r'\s+|"(?:\\.|[^"\\])*"?|\\.|[\[{(]|[\]})]|[^\s"\\\[\]{}()]+', re.S)
_SIMPLE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.]*\Z")
_FIELD = re.compile(r"([A-Za-z_](?:[\w.@\-]|\\.)*):(.*)\Z", re.S)
_PLAIN_CHAR = re.compile(r"[\w.@\-]")
_SIGN = re.compile(r"(?:NOT\s+|[-!])")
_RANGE = re.compile(r'([\[{])\s*("(?:\\.|[^"\\])*"|\S+)\s+TO\s+("(?:\\.|[^"\\])*"|[^\s"\]}]+)\s*([\]}])\Z', re.S)
_COMPARED = re.compile(r"([<>]=?)([^\s\"*?<>=]+)\Z")
_COMPARE = {">": "{%s TO *]", ">=": "[%s TO *]", "<": "[* TO %s}", "<=": "[* TO %s]"}
_WORDS = {"AND", "OR", "NOT", "TO", "&&", "||"}
_EXISTS = "_exists_"


@dataclass(frozen=True, slots=True)
class Clause:
    """One condition. `field` and `terms` are empty where it is not simple; `value` is what a single term means."""

    text: str
    negated: bool = False
    field: str = ""
    value: str = ""
    terms: tuple[Term, ...] = ()


def split(query: str) -> list[Clause]:
    """The conditions of a query in order; a query with OR outermost is one condition."""
    parts: list[str] = []
    negation = ""
    for word in _words(query):
        if word in ("OR", "||"):
            return [_clause(query.strip())]
        if word in ("NOT", "!"):
            negation += "NOT "
        elif word not in ("AND", "&&"):
            parts.append(negation + word)
            negation = ""
    return [_clause(part) for part in parts]


def _words(text: str) -> list[str]:
    """What stands between the spaces of the outermost level, operators included."""
    words: list[str] = []
    current, depth = "", 0
    for match in _TOKEN.finditer(text):
        token = match.group()
        depth += (token in ("(", "[", "{")) - (token in (")", "]", "}"))
        if depth or not token.isspace():
            current += token
        elif current:
            words.append(current)
            current = ""
    return [*words, current] if current else words


def _clause(text: str) -> Clause:
    sign = None if _has_or(text) else _SIGN.match(text)  # with OR outermost it is the first alternative's
    inner = text[sign.end() :] if sign else text
    found = None if sign and _SIGN.match(inner) else _simple(inner)
    if found is None:
        return Clause(text, negated=sign is not None)
    field, terms, turned = found
    value = unquote(terms[0]) if len(terms) == 1 and terms[0] is not None else ""
    return Clause(text, (sign is not None) != turned, field, value, tuple(dict.fromkeys(terms)))


#: Field, terms, and whether it says that the field has none of them.
_Simple = tuple[str, list[Term], bool]


def _simple(text: str) -> _Simple | None:
    """The parts of a simple condition without its sign."""
    text = _bare(text)
    words = _words(text)
    if len(words) == 1:
        return _single(words[0])
    field, terms = "", list[Term]()
    for alternative in _alternatives(words):
        sign = _SIGN.match(alternative)
        found = _single(alternative[sign.end() :] if sign else alternative)
        # What is negated among alternatives is simple only where it says that there is no value.
        if found is None or found[2] != (sign is not None) or (field and found[0] != field):
            return None
        field = found[0]
        terms += found[1]
    return (field, terms, False) if terms else None


def _alternatives(words: Sequence[str]) -> list[str]:
    """What stands between the ORs; empty when anything else joins the words."""
    found, negation, joined = list[str](), "", True
    for word in words:
        if word in ("OR", "||"):
            if joined:
                return []
            joined = True
        elif word in ("NOT", "!") and joined and not negation:
            negation = "NOT "
        elif not joined or word in _WORDS:
            return []
        else:
            found.append(negation + word)
            negation, joined = "", False
    return [] if joined else found


def _single(text: str) -> _Simple | None:
    """One field with its value, or with values in parentheses."""
    match = _FIELD.match(_bare(text))
    if match is None:
        return None
    field, rest = _unescape(match[1]), match[2]
    if field == _EXISTS:
        return (_unescape(rest), [None], True) if rest and len(_words(rest)) == 1 else None
    inner = _bare(rest)
    words = [inner] if inner == rest else _alternatives(_words(inner))
    terms = [None if inner != rest and _SIGN.match(word) else read_term(word) for word in words]
    return (field, terms, False) if terms and None not in terms else None  # type: ignore[return-value]


def read_term(text: str) -> str | None:
    """A value in its one spelling; None for what is none."""
    found = _RANGE.match(text)
    if found is not None:
        ends = [quote(unquote(end)) if end != "*" else end for end in (found[2], found[3])]
        return f"{found[1]}{ends[0]} TO {ends[1]}{found[4]}"
    if text.startswith('"'):
        return quote(unquote(text)) if len(text) > 1 and _TOKEN.fullmatch(text) else None
    compared = _COMPARED.match(text)
    if compared is not None:
        return _COMPARE[compared[1]] % quote(unquote(compared[2]))
    bare = re.sub(r"\\.", "", text, flags=re.S)
    if not text or text in _WORDS or any(c in bare for c in '"()[]{}'):
        return None
    pattern = len(bare) > 2 and bare.startswith("/") and bare.endswith("/")
    return text if pattern or any(c in bare for c in "*?~^<>") else quote(unquote(text))


def _bare(text: str) -> str:
    """A text without the parentheses around all of it."""
    while text.startswith("(") and text.endswith(")"):
        depth = 0
        for match in _TOKEN.finditer(text):
            depth += (match.group() in ("(", "[", "{")) - (match.group() in (")", "]", "}"))
            if depth == 0:
                break
        if depth or match.end() < len(text):
            return text
        text = text[1:-1].strip()
    return text


def join(clauses: Sequence[Clause]) -> str:
    """The query that these conditions make together."""
    if len(clauses) == 1:
        return clauses[0].text
    return " AND ".join(f"({c.text})" if _has_or(c.text) else c.text for c in clauses)


def _has_or(text: str) -> bool:
    return any(word in ("OR", "||") for word in _words(text))


def simple(field: str, terms: Iterable[Term], *, negated: bool = False) -> Clause:
    """The condition that a field is one of some terms, at least one."""
    terms = tuple(dict.fromkeys(terms))
    name, values = quote_field(field), [term for term in terms if term is not None]
    listed = f"{name}:({' OR '.join(values)})" if len(values) > 1 else f"{name}:{values[0]}" if values else ""
    if not values:
        text = f"{_EXISTS}:{name}" if negated else f"NOT {_EXISTS}:{name}"
    else:
        text = listed if None not in terms else f"({listed} OR NOT {_EXISTS}:{name})"
        text = f"NOT {text}" if negated else text
    value = unquote(values[0]) if len(terms) == 1 and values else ""
    return Clause(text, negated, field, value, terms)


def condition(field: str, value: str | None, *, negated: bool = False) -> Clause:
    """The condition that a field has a value; None as value: that it has none."""
    return simple(field, [None if value is None else quote(value)], negated=negated)


def between(low: float | None, high: float | None) -> str:
    """The term of a stretch of numbers, its upper end left out."""
    return f"[{_number(low)} TO {_number(high)}{']' if high is None else '}'}"


def _number(value: float | None) -> str:
    return "*" if value is None else str(int(value)) if value == int(value) else quote(str(value))


def toggle(query: str, wanted: Clause) -> str:
    """The query with the simple condition of one term added; without it if it was there; its opposite is replaced."""
    (term,) = wanted.terms
    clauses = split(query)
    there = _mark(clauses, wanted.field, term) == ("not" if wanted.negated else "on")
    kept = _without(clauses, wanted.field, term)
    return join(kept if there else [*kept, wanted])


def change(query: str, field: str, term: Term, how: Change) -> str:
    """The query after a click on a value. Where a document has one value of the field, "only" takes the place of the
    values chosen before, because no document could have both."""
    clauses = split(query)
    if _mark(clauses, field, term) == "on" and how != "not":
        return join(_without(clauses, field, term))
    if how == "not":
        return toggle(query, simple(field, [term], negated=True))
    chosen = [c for c in clauses if c.field == field and not c.negated]
    if how == "also" and chosen:
        wider = simple(field, [*chosen[0].terms, term])
        return join(_without([wider if c is chosen[0] else c for c in clauses], field, term, negated=True))
    if how == "only" and not _many(field):
        clauses = [c for c in clauses if c not in chosen]
    return join([*_without(clauses, field, term), simple(field, [term])])


def without_choice(query: str, field: str) -> str | None:
    """The query without what it chooses of a field; None when it chooses nothing there."""
    clauses = split(query)
    kept = [c for c in clauses if c.field != field or c.negated]
    return join(kept) if len(kept) < len(clauses) else None


def marks(query: str) -> dict[tuple[str, Term], Literal["on", "not"]]:
    """What the query says of single values: chosen or excluded."""
    found: dict[tuple[str, Term], Literal["on", "not"]] = {}
    for clause in split(query):
        for term in clause.terms:
            found[clause.field, term] = "not" if clause.negated else "on"
    return found


def _mark(clauses: Sequence[Clause], field: str, term: Term) -> str:
    found = [c for c in clauses if c.field == field and term in c.terms]
    return "" if not found else "not" if found[-1].negated else "on"


def _without(clauses: Sequence[Clause], field: str, term: Term, *, negated: bool | None = None) -> list[Clause]:
    """The conditions with a term taken out of those that list it."""
    kept = []
    for clause in clauses:
        if clause.field != field or term not in clause.terms or negated not in (None, clause.negated):
            kept.append(clause)
        elif len(clause.terms) > 1:
            kept.append(simple(field, [one for one in clause.terms if one != term], negated=clause.negated))
    return kept


def _many(field: str) -> bool:
    """Whether one document usually has several values of a field. Those under a key are several only on paper."""
    found = table.find("httpcomms", field)
    return found is not None and found[0].many and found[0].type != "flattened"
def among(field: str, values: Sequence[str]) -> str:
    """The condition that a field has one of some values."""
    if len(values) == 1:
        return f"{field}:{quote(values[0])}"
    return f"{field}:({' OR '.join(map(quote, values))})"


def narrowed(query: str, wanted: str) -> str:
    """The query with a condition of any shape, once."""
    clauses = split(query)
    return query if any(clause.text == wanted for clause in clauses) else join([*clauses, Clause(wanted)])


def toggle_text(query: str, wanted: str, *, negated: bool = False) -> str:
    """The query with a condition of any shape added; without it if it was there; the opposite of it is replaced."""
    plain = wanted.removeprefix("NOT ")
    text, opposite = (f"NOT {plain}", plain) if negated == (plain == wanted) else (plain, f"NOT {plain}")
    clauses = split(query)
    kept = [clause for clause in clauses if clause.text not in (text, opposite)]
    there = any(clause.text == text for clause in clauses)
    return join(kept if there else [*kept, Clause(text, negated)])


def quote(value: str) -> str:
    """A value as the query language writes it."""
    if _SIMPLE.match(value) and value not in _WORDS:
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def quote_field(name: str) -> str:
    """The name of a field as the query language writes it: a key may hold any character."""
    return "".join(char if _PLAIN_CHAR.match(char) else "\\" + char for char in name)


def unquote(text: str) -> str:
    """The value that a written one means."""
    if len(text) > 1 and text.startswith('"') and text.endswith('"'):
        return _unescape(text[1:-1])
    return _unescape(text)


def _unescape(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text, flags=re.S)
