"""Queries as lists of conditions: what a click adds and drops, and that the query language agrees."""

import pytest
from hypothesis import assume, given, note, settings
from hypothesis import strategies as st

from apps.httpcomms import clauses
from apps.httpcomms.clauses import between, change, condition, join, marks, quote, split, toggle
from documents.ast import And, Everything, Node, Not, Or
from documents.query import parse


@pytest.mark.parametrize(
    ("query", "texts"),
    [
        ("", []),
        ("a:1", ["a:1"]),
        ("a:1 AND b:2", ["a:1", "b:2"]),
        ("a:1 b:2  -c:3", ["a:1", "b:2", "-c:3"]),
        ("a:1 AND NOT b:2", ["a:1", "NOT b:2"]),
        ('a:"x AND y" AND (b:1 OR c:2)', ['a:"x AND y"', "(b:1 OR c:2)"]),
        ("a:[1 TO 2] AND b:{3 TO *}", ["a:[1 TO 2]", "b:{3 TO *}"]),
        ("a:1 OR b:2", ["a:1 OR b:2"]),
        (r'a:"say \"no\"" b:1', [r'a:"say \"no\""', "b:1"]),
        ("a:(1 OR 2", ["a:(1 OR 2"]),
    ],
)
def test_a_query_is_taken_apart_at_its_outermost_level(query: str, texts: list[str]) -> None:
    assert [clause.text for clause in split(query)] == texts


def test_a_click_adds_a_condition_and_a_second_click_drops_it() -> None:
    post = condition("req.method", "POST")
    assert toggle("", post) == "req.method:POST"
    assert toggle("req.host:shop", post) == "req.host:shop AND req.method:POST"
    assert toggle("req.host:shop AND req.method:POST", post) == "req.host:shop"


def test_excluding_what_was_asked_for_turns_it_round() -> None:
    assert toggle("req.method:POST", condition("req.method", "POST", negated=True)) == "NOT req.method:POST"
    assert toggle("NOT req.method:POST", condition("req.method", "POST")) == "req.method:POST"


def test_an_alternative_keeps_its_meaning_when_something_is_added() -> None:
    query = toggle("req.method:GET OR req.method:PUT", condition("req.host", "shop"))
    assert query == "(req.method:GET OR req.method:PUT) AND req.host:shop"


def test_documents_without_a_value_can_be_asked_for() -> None:
    assert condition("stats.statusClass", None).text == "NOT _exists_:stats.statusClass"
    assert toggle("NOT _exists_:req.host", condition("req.host", None)) == ""


@pytest.mark.parametrize(
    "value",
    [
        "GET",
        "shop.example",
        "10.0.0.1",
        "2001:db8::1",
        "a b",
        'say "no"',
        "back\\slash",
        "/v1/*",
        "AND",
        "-x",
        "ü",
        "(",
        "a:b",
        "\t",
    ],
)
def test_every_value_can_be_asked_for(value: str) -> None:
    query = toggle("", condition("req.path", value))
    parse(query)
    (clause,) = split(query)
    assert (clause.field, clause.value) == ("req.path", value)
    assert quote(value) in query


def test_joined_conditions_are_the_query_again() -> None:
    query = 'req.method:POST AND (req.host:a OR req.host:b) AND NOT req.path:"/x"'
    assert join(split(query)) == query
    parse(query)


@pytest.mark.parametrize(
    ("query", "field", "terms", "negated"),
    [
        ("a:(1 OR 2)", "a", ("1", "2"), False),
        ('-a:("1" OR "x y")', "a", ("1", '"x y"'), True),
        ("NOT (a:1 OR NOT _exists_:a)", "a", ("1", None), True),
        ("(a:1 || a:2)", "a", ("1", "2"), False),
        ("_exists_:a", "a", (None,), True),
        ("NOT _exists_:a", "a", (None,), False),
        ("a:>=10", "a", ("[10 TO *]",), False),
        ("a:[10  TO 100}", "a", ("[10 TO 100}",), False),
        ("a:/v1/x", "a", ('"/v1/x"',), False),
        ("a:-x", "a", ('"-x"',), False),
        (r"a.b\:c:1", "a.b:c", ("1",), False),
        ("a:x*", "a", ("x*",), False),
        ('a:"x*"', "a", ('"x*"',), False),
        ("a:1 OR a:2", "a", ("1", "2"), False),
        ("a:1 OR b:2", "", (), False),
        ("(a:1 OR NOT a:2)", "", (), False),
        ("a:(1 AND 2)", "", (), False),
        ("a:(1 OR -2)", "", (), False),
        ("NOT NOT a:1", "", (), True),
        ("word", "", (), False),
    ],
)
def test_what_a_condition_lists_is_read(query: str, field: str, terms: tuple[str | None, ...], negated: bool) -> None:
    (clause,) = split(query)
    assert (clause.field, clause.terms, clause.negated) == (field, terms, negated)


@pytest.mark.parametrize(
    ("query", "term", "how", "after"),
    [
        ("", "GET", "only", "req.method:GET"),
        ("req.method:GET", "GET", "only", ""),
        ("req.method:GET", "PUT", "only", "req.method:PUT"),
        ("req.method:GET", "PUT", "also", "req.method:(GET OR PUT)"),
        ("req.method:(GET OR PUT)", "PUT", "also", "req.method:GET"),
        ("req.method:(GET OR PUT)", "PUT", "only", "req.method:GET"),
        ("req.method:(GET OR PUT)", "PUT", "not", "req.method:GET AND NOT req.method:PUT"),
        ("NOT req.method:(GET OR PUT)", "PUT", "not", "NOT req.method:GET"),
        ("NOT req.method:PUT", "PUT", "also", "req.method:PUT"),
        ("req.method:GET", None, "also", "(req.method:GET OR NOT _exists_:req.method)"),
        ("(req.method:GET OR NOT _exists_:req.method)", None, "also", "req.method:GET"),
        ("", None, "only", "NOT _exists_:req.method"),
        ("", None, "not", "_exists_:req.method"),
        ("(req.host:a) OR (req.host:b)", "GET", "only", "((req.host:a) OR (req.host:b)) AND req.method:GET"),
        ("NOT NOT req.host:a", "GET", "only", "NOT NOT req.host:a AND req.method:GET"),
    ],
)
def test_a_click_changes_the_query(query: str, term: str | None, how: clauses.Change, after: str) -> None:
    assert change(query, "req.method", term, how) == after
    parse(after)


def test_where_a_document_has_several_values_one_more_is_one_more_condition() -> None:
    query = change("stats.correlation:a", "stats.correlation", "b", "only")
    assert query == "stats.correlation:a AND stats.correlation:b"


def test_a_stretch_of_numbers_is_a_term() -> None:
    assert [between(None, 1), between(10, 100), between(1000, None)] == ["[* TO 1}", "[10 TO 100}", "[1000 TO *]"]
    assert between(1024, 1_048_576) == "[1024 TO 1048576}"
    query = change("", "stats.duration", between(10, 100), "only")
    assert query == "stats.duration:[10 TO 100}"
    assert change(query, "stats.duration", between(None, 1), "also") == "stats.duration:([10 TO 100} OR [* TO 1})"
    parse(change(query, "stats.duration", between(None, 1), "also"))
    assert marks("stats.duration:>=1000") == {("stats.duration", between(1000, None)): "on"}


# Fields of several kinds; the last one is a key with characters that the language uses itself.
FIELDS = st.sampled_from(
    ["req.method", "req.path", "stats.correlation", "stats.tags.order", "req.headers.x-a", "req.params.a:b (c)"]
)
VALUES = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), max_size=12)
TERMS = st.one_of(st.none(), VALUES.map(quote))
SIMPLE = st.builds(
    lambda field, terms, negated: clauses.simple(field, terms, negated=negated).text,
    FIELDS, st.lists(TERMS, min_size=1, max_size=3), st.booleans(),
)  # fmt: skip
OTHER = st.sampled_from(
    ["word", '"two words"', "stats.duration:>=10", "stats.statusCode:5xx", "(req.host:a OR req.method:b)",
     "req.path:/x*", "-req.path:/a.*/", "NOT (req.method:GET OR NOT req.method:PUT)", "req.method:(GET OR PUT)",
     "!word",
     "NOT NOT word"]
)  # fmt: skip
QUERIES = st.one_of(
    st.lists(st.one_of(SIMPLE, OTHER), max_size=4).map(" AND ".join),
    st.lists(st.one_of(SIMPLE, OTHER), max_size=4).map(" ".join),
    st.lists(st.one_of(SIMPLE, OTHER), min_size=2, max_size=3).map(" OR ".join),
)


def meaning(node: Node) -> object:
    """A tree without what makes no difference: order, repetition and nesting of AND and OR."""
    if isinstance(node, And | Or):
        kind, parts = type(node), set[object]()
        for child in node.children:
            found = meaning(child)
            inner = isinstance(found, tuple) and found[0] is kind
            parts |= found[1] if inner else {found}  # type: ignore[index]
        if kind is And:
            parts.discard(Everything())
        return parts.pop() if len(parts) == 1 else (kind, frozenset(parts)) if parts else Everything()
    if isinstance(node, Not):
        found = meaning(node.child)
        return found[1] if isinstance(found, tuple) and found[0] is Not else (Not, found)
    return node


@settings(max_examples=400, deadline=None)
@given(QUERIES, FIELDS, TERMS, st.sampled_from(clauses.CHANGES))
def test_whatever_is_clicked_the_query_can_be_read_and_says_so(
    query: str, field: str, term: str | None, how: clauses.Change
) -> None:
    note(f"{query!r} {field} {term!r} {how}")
    before = marks(query).get((field, term))
    after = change(query, field, term, how)
    parse(after)
    wanted = "not" if how == "not" else "on"
    assert marks(after).get((field, term)) == (None if before == wanted else wanted)
    assert others(query, field) == others(after, field)


def others(query: str, field: str) -> set[object]:
    """What the conditions on other fields mean."""
    return {meaning(parse(c.text)) for c in split(query) if c.field != field}


@settings(max_examples=400, deadline=None)
@given(QUERIES, FIELDS, TERMS, st.sampled_from(clauses.CHANGES))
def test_a_second_click_gives_a_query_of_the_same_meaning(
    query: str, field: str, term: str | None, how: clauses.Change
) -> None:
    # Not where the first click turned the opposite round, or took the place of another choice.
    assume((field, term) not in marks(query))
    assume(how != "only" or clauses.without_choice(query, field) is None or field == "stats.correlation")
    note(f"{query!r} {field} {term!r} {how}")
    again = change(change(query, field, term, how), field, term, how)
    assert meaning(parse(again)) == meaning(parse(query))


@settings(max_examples=200, deadline=None)
@given(QUERIES)
def test_taken_apart_and_joined_again_a_query_means_the_same(query: str) -> None:
    assert meaning(parse(join(split(query)))) == meaning(parse(query))


@given(st.text('ab: "()[]{}\\/-+!&|<>=*?~^\tANDORNOT', max_size=30))
def test_any_text_can_be_taken_apart(query: str) -> None:
    marks(query)
