"""What stands at the caret: `|` marks it in these texts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.httpcomms import caret
from documents import query
from documents.ast import Everything

PIECES = [
    *("req.method", ":", "stats.statusCode:", ">=", "<", "500", "POST", '"', "\\", " ", "AND", " OR ", "NOT ", "-"),
    *("!", "(", ")", "[", "]", "{", "}", " TO ", "*", "?", "/", "~1", "_exists_:", "é", "𝔘", "\t", "&&", "||", "'"),
    "2026-11-22",
]
odd_text = st.one_of(st.text(max_size=60), st.lists(st.sampled_from(PIECES), max_size=20).map("".join))


def at(marked: str) -> tuple[str, caret.Place]:
    where = marked.index("|")
    text = marked[:where] + marked[where + 1 :]
    return text, caret.place(text, where)


@pytest.mark.parametrize(
    ("marked", "kind", "field", "typed", "replaced"),
    [
        ("|", "field", "", "", ""),
        ("req.m|", "field", "", "req.m", "req.m"),
        ("a:1 AND req.m|", "field", "", "req.m", "req.m"),
        ("req.m|ethod:POST AND a:1", "field", "", "req.m", "req.method"),
        ("req.method:|", "value", "req.method", "", ""),
        ("req.method:PO|", "value", "req.method", "PO", "PO"),
        ("req.method:P|OST AND a:1", "value", "req.method", "P", "POST"),
        ("req.method:|POST", "value", "req.method", "", "POST"),
        ("req.method: PO|", "value", "req.method", "PO", "PO"),
        ('req.template:"Heal|th check" x', "value", "req.template", "Heal", '"Health check"'),
        ('req.template:"Heal| AND a:1', "value", "req.template", "Heal", '"Heal'),
        ("stats.statusCode:>=5|", "value", "stats.statusCode", "5", "5"),
        ("req.method:(GET OR P|)", "value", "req.method", "P", "P"),
        ("req.method:(GET OR |", "value", "req.method", "", ""),
        ("stats.duration:[2 TO |]", "range", "stats.duration", "", ""),
        ("stats.duration:[2|", "range", "stats.duration", "2", "2"),
        ("_exists_:res.l|", "exists", "", "res.l", "res.l"),
        ("-req.m|", "field", "", "req.m", "req.m"),
        ("(req.m|)", "field", "", "req.m", "req.m"),
        ("req.path:/api/|orders", "value", "req.path", "/api/", "/api/orders"),
        (r"req.path:a\ b|", "value", "req.path", "a b", r"a\ b"),
        ("a:1 |", "field", "", "", ""),
        ("|req.method:GET", "field", "", "", ""),
    ],
)
def test_the_place_is_found(marked: str, kind: str, field: str, typed: str, replaced: str) -> None:
    text, place = at(marked)
    assert (place.kind, place.field, place.typed) == (kind, field, typed)
    assert text[place.start : place.end] == replaced


@pytest.mark.parametrize(
    ("marked", "rest"),
    [
        ("req.method:POST AND stats.src.id|", "req.method:POST"),
        ("req.method:POST AND NOT req.host:a|", "req.method:POST"),
        ("req.method:POST -req.host:a| req.path:b", "req.method:POST AND req.path:b"),
        ("req.host:a AND req.method:(GET OR P|)", "req.host:a"),
        ("req.host:a AND stats.duration:[2 TO |", "req.host:a"),
        ("req.host:a AND (req.path:b OR req.method:|", "req.host:a"),
        ("nothing:1 AND req.host:a AND req.method:|", "req.host:a"),
        ("req.host:a |", "req.host:a"),
        ("req.host:|", ""),
    ],
)
def test_the_other_conditions_count(marked: str, rest: str) -> None:
    text, place = at(marked)
    assert _plain(caret.others(text, place)) == _plain(query.parse(rest))


def _plain(node: object) -> str:
    """The leaves but those that everything fits; alternatives to everything say nothing."""
    if node is None or isinstance(node, Everything):
        return ""
    children = getattr(node, "children", None)
    if children is None:
        return str(node)
    parts = [_plain(child) for child in children]
    if type(node).__name__ == "Or" and "" in parts:
        return ""
    return " ".join(filter(None, parts))


@given(odd_text, st.integers(-5, 90))
def test_any_text_and_any_caret_give_a_place(text: str, where: int) -> None:
    place = caret.place(text, where)
    assert 0 <= place.begin <= place.start <= place.end <= place.finish <= len(text)
    caret.others(text, place)
    assert "".join(token.text for token in caret.tokens(text)) == text


@given(odd_text)
def test_what_is_closed_has_nothing_left_open(text: str) -> None:
    assert caret.unclosed(text + caret.unclosed(text)) == "" or '"' in text or "\\" in text
