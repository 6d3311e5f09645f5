"""The query language: what is understood, what is refused and where. What conditions find is in test_same_hits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from documents import dsl, query, regexps, sql, values
from documents.ast import And, Equals, Everything, Exists, Network, Node, Not, Or, Range, Regexp, Star, Wildcard, Words
from documents.fields import FIELDS
from documents.query import QueryError, parse
from tests.generated import examples

HTTP = FIELDS["httpcomms"]
METHOD, STATUS, PATH, DATE = HTTP["req.method"], HTTP["stats.statusCode"], HTTP["req.path"], HTTP["date"]
GET, POST = Equals(METHOD, None, "GET"), Equals(METHOD, None, "POST")
SECOND = 1_000_000_000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Everything()),
        ("   ", Everything()),
        ("*", Everything()),
        ("req.method:GET", GET),
        ('req.method:"GET"', GET),
        ("req.method:GET req.method:POST", And((GET, POST))),
        ("req.method:GET AND req.method:POST", And((GET, POST))),
        ("req.method:GET OR req.method:POST", Or((GET, POST))),
        ("req.method:GET || req.method:POST", Or((GET, POST))),
        ("req.method:(GET OR POST)", Or((GET, POST))),
        ("NOT req.method:GET", Not(GET)),
        ("-req.method:GET", Not(GET)),
        ("!req.method:GET", Not(GET)),
        ("+req.method:GET", GET),
        ("req.method:GET AND NOT req.method:POST", And((GET, Not(POST)))),
        ("req.method:OR", Equals(METHOD, None, "OR")),
        ("req.path:/a/b", Equals(PATH, None, "/a/b")),
        ("req.path:/a\\ b", Equals(PATH, None, "/a b")),
        ('req.path:"a \\" b"', Equals(PATH, None, 'a " b')),
        ("req.path:/a/", Regexp(PATH, None, "a")),
        ("req.path:\\/a\\/", Equals(PATH, None, "/a/")),
        ("req.path:/a/*", Wildcard(PATH, None, ("/a/", Star.MANY))),
        ("req.path:/a\\*", Equals(PATH, None, "/a*")),
        ("req.path:a**?", Wildcard(PATH, None, ("a", Star.MANY, Star.ONE))),
        ("req.path:/~user^2x", Equals(PATH, None, "/~user^2x")),
        ("req.path:'quoted'", Equals(PATH, None, "'quoted'")),
        ("req.path:*", Exists(PATH, None)),
        ("_exists_:req.path", Exists(PATH, None)),
        ("req.host:ÄPI.Example", Equals(HTTP["req.host"], None, "äpi.example")),
        ("req.headers.X-A:b", Equals(HTTP["req.headers"], "x-a", "b")),
        ("stats.statusCode:404", Equals(STATUS, None, 404)),
        ("stats.statusCode:4xx", Range(STATUS, None, 400, 499)),
        ("stats.statusCode:>=500", Range(STATUS, None, 500, None)),
        ("stats.statusCode:<500", Range(STATUS, None, None, 500, True, False)),
        ("stats.statusCode:[200 TO 300}", Range(STATUS, None, 200, 300, True, False)),
        ("stats.statusCode:[* TO 300]", Range(STATUS, None, None, 300)),
        ("stats.statusCode:[* TO *]", Exists(STATUS, None)),
        ("stats.statusCode:-1", Equals(STATUS, None, -1)),
        ("stats.duration:>1.5s", Range(HTTP["stats.duration"], None, 1500.0, None, False)),
        ("req.size:2kb", Equals(HTTP["req.size"], None, 2048)),
        ("res.body.truncated:TRUE", Equals(HTTP["res.body.truncated"], None, True)),
        ("stats.src.ip:[::ffff:10.0.0.1]", None),
        ("stats.src.ip:::ffff:10.0.0.1", Equals(HTTP["stats.src.ip"], None, "10.0.0.1")),
        ("stats.src.ip:10.1.2.3/8", Network(HTTP["stats.src.ip"], None, "10.0.0.0/8")),
        ("date:1970", Range(DATE, None, 0, 365 * 86_400 * SECOND - 1)),
        ("date:1970-02", Range(DATE, None, 31 * 86_400 * SECOND, 59 * 86_400 * SECOND - 1)),
        ("date:1970-01-01T00:01", Range(DATE, None, 60 * SECOND, 120 * SECOND - 1)),
        ("date:1970-01-01T01:00:00.5+01:00", Range(DATE, None, SECOND // 2, SECOND // 2 + 10**8 - 1)),
        ('date:"1970-01-01 00:00:01"', Range(DATE, None, SECOND, 2 * SECOND - 1)),
        ("date:>1970-01-01", Range(DATE, None, 86_400 * SECOND - 1, None, False)),
        ("date:[1970-01-01 TO 1970-01-02}", Range(DATE, None, 0, 86_400 * SECOND, True, False)),
        ("req.body.text:word", Words(HTTP["req.body.text"], None, "word")),
    ],
)
def test_queries(text: str, expected: Node | None) -> None:
    if expected is None:
        with pytest.raises(QueryError):
            parse(text)
    else:
        assert parse(text) == expected


def test_a_bare_word_is_looked_for_where_the_table_says() -> None:
    node = parse("Shop")
    assert isinstance(node, Or)
    found = {child.field.name for child in node.children if isinstance(child, Wildcard | Words)}
    assert found == {
        "req.host",
        "req.path",
        "req.query",
        "req.body.text",
        "res.body.text",
        "stats.src.name",
        "stats.src.identification",
        "stats.dst.name",
    }
    assert Wildcard(PATH, None, (Star.MANY, "Shop", Star.MANY), fold=True) in node.children


def test_sessions_have_a_query_language_too() -> None:
    assert parse("state:closed", "tcpsessions") == Equals(FIELDS["tcpsessions"]["state"], None, "closed")
    with pytest.raises(QueryError, match="no field 'req"):
        parse("req.method:GET", "tcpsessions")


@pytest.mark.parametrize(
    ("text", "position", "message"),
    [
        ("req.metod:GET", 0, "did you mean req.method"),
        ("a AND (req.method:GET OR nope:1)", 25, "no field 'nope'"),
        ("_exists_:nope", 9, "no field 'nope'"),
        ('_exists_:"req.path"', 9, "wants the name"),
        ("stats.statusCode:many", 17, "is a number"),
        ("stats.statusCode:1.5", 17, "whole number"),
        ("stats.statusCode:99999", 17, "out of range"),
        ("stats.statusCode:5*", 17, "use a range"),
        ("stats.duration:5kg", 15, "units"),
        ("date:2026-13-01", 5, "no date"),
        ("date:yesterday", 5, "is a date"),
        ("stats.src.ip:10.0.0.300", 13, "IP address"),
        ("stats.src.ip:10.0.0.0/99", 13, "IP address"),
        ("stats.src.ip:>10.0.0.1", 13, "both ends"),
        ("stats.src.ip:[10.0.0.1 TO ::1]", 13, "one IP version"),
        ("res.body.truncated:maybe", 19, "true or false"),
        ("req.headers:x", 12, "names inside"),
        ("req.headers.a:*x", 14, "only stand at the end"),
        ("req.headers.a:/x/", 14, "regular expression"),
        ("req.headers.a:[a TO b]", 14, "range"),
        ("req.body.text:[a TO b]", 14, "range"),
        ("req.host:/(a/", 9, "too early"),
        ("req.host:/a**/", 9, "nothing to repeat"),
        ('req.path:"open', 9, "no end"),
        ("(req.path:a", 11, "too early"),
        ("req.path:a)", 10, "does not fit"),
        ("req.path:a AND", 14, "too early"),
        ("req.path:", 9, "too early"),
        ("[a TO b]", 0, "field in front"),
        ("req.path:abc~2", 12, "fuzziness"),
        ('req.path:"a b"~2', 14, "fuzziness"),
        ("req.path:abc^4", 12, "boosts"),
        ("req.path:a\\", 10, "escapes nothing"),
        ("req.path:(a req.host:b)", 12, "inside another field"),
        ("req.path:a\x00", 10, "null character"),
        ("req.path:" + "a" * 600 + "*", 9, "at most"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(text: str, position: int, message: str) -> None:
    with pytest.raises(QueryError, match=message) as caught:
        parse(text)
    assert caught.value.position == position


def test_queries_are_bounded() -> None:
    for text in ("(" * 40 + "a" + ")" * 40, "NOT " * 500 + "a", "a " * 3000, "x" * 10_000, "a OR " * 90 + "a"):
        with pytest.raises(QueryError):
            parse(text)


def test_a_suggestion_can_be_put_in_place() -> None:
    with pytest.raises(QueryError) as caught:
        parse("stats.statuscode:1")
    assert caught.value.suggestion == "stats.statusCode"
    assert str(caught.value).endswith("did you mean stats.statusCode? (at 1)")


@examples(300)
@given(
    st.lists(
        st.sampled_from(
            [
                "req.path:",
                "stats.statusCode:",
                "date:",
                "req.headers.a:",
                "stats.src.ip:",
                "a",
                "/",
                "\\",
                "(",
                ")",
                "[",
                "]",
                "{",
                "}",
                " ",
                " TO ",
                " AND ",
                " OR ",
                "NOT ",
                "-",
                "+",
                '"',
                "*",
                "?",
                "1",
                "2026",
                ":",
                "~",
                "^",
                ">",
                "<=",
                "&&",
                "!",
                "é",
                "'",
            ]
        ),
        max_size=14,
    ).map("".join)
)
def test_any_text_is_a_query_or_a_query_error(text: str) -> None:
    try:
        node = parse(text)
    except QueryError as error:
        assert 0 <= error.position <= len(text) + 1  # noqa: PT017
    else:
        statement, params = sql.to_sql(node)
        assert statement.count("%s") == len(params)
        assert statement.replace("%s", "").find("%") == -1
        assert dsl.to_elasticsearch(node)


@pytest.mark.parametrize(
    ("pattern", "common"),
    [
        ("a.c", "a.c"),
        ("a-b", "a\\-b"),
        ("\\d+", "[0-9]+"),
        ("[^a-z]", "[^a-z]"),
        ("[\\w.]", "[A-Za-z0-9_\\.]"),
        ("a{2}", "a{2}"),
        ("a{2,}", "a{2,}"),
        ("a{2,3}", "a{2,3}"),
        ("(a|b)?", "(a|b)?"),
        ("^a$", "\\^a\\$"),
        ("a#b@c&d", "a\\#b\\@c\\&d"),
        ("\\.", "\\."),
        ("é", "é"),
        ("[a\\]]", "[a\\]]"),
        ("\\W", "[^A-Za-z0-9_]"),
    ],
)
def test_regular_expressions_in_the_common_syntax(pattern: str, common: str) -> None:
    assert regexps.check(pattern) == common


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "(",
        ")",
        "a)",
        "*",
        "a|",
        "|a",
        "()",
        "[",
        "[]",
        "[z-a]",
        "\\b",
        "\\1",
        "(?i)a",
        "a{3,2}",
        "a{999}",
        "{",
        "a" * 500,
        "\\",
        "[\\D]",
    ],
)
def test_regular_expressions_that_are_refused(pattern: str) -> None:
    with pytest.raises(values.BadValue):
        regexps.check(pattern)


def test_the_language_is_one_import() -> None:
    assert query.QueryError is QueryError
