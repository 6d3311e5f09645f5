"""Facets: the hits are found once and kept as narrow rows, then every question is asked of these.

One statement for all questions: what is slow is finding the hits and reading them, not counting them.

Where there are more hits than can be counted while somebody waits, those of a random part of the tables' pages are
(`share` says of how many): the planner tells about how many hits there are. Where few hits are hard to find, that shows
only when half of the time is over; then a part is tried that is small enough to be read in the other half.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

from psycopg import sql

from documents.words import any_case
from store.documents import ordering
from store.documents.base import TookTooLong
from store.documents.names import parent
from store.documents.ordering import Source
from store.documents.postgres import values
from store.documents.postgres.conditions import Conditions
from store.documents.postgres.connections import Connection
from store.documents.questions import Answer, Facets, Ranges, Terms

Question = Terms | Ranges


#: Hits that are counted one by one; of more a sample of about as many.
COUNTED = 100_000
#: Documents that a sample reads where finding the hits took too long.
_READ = 5_000


def facets(connection: Connection, resource: str, wanted: Conditions, questions: Sequence[Question]) -> Facets:
    """All documents counted; see DocumentStore.facets."""
    return _ask(connection, resource, wanted, questions, 1.0)


def facets_within(
    connect: Callable[[float], AbstractContextManager[Connection]],
    resource: str,
    wanted: Conditions,
    questions: Sequence[Question],
    seconds: float,
) -> Facets:
    """All documents, or as many as can be counted in so many seconds. `connect` gives a connection with a limit."""
    with connect(seconds) as connection:
        share = min(COUNTED / max(_estimate(connection, resource, wanted), 1), 1.0)
        if share < 1:
            found = _ask(connection, resource, wanted, questions, share)
            if found.total > share * COUNTED:
                return found
            # The planner was wrong, as it is about tables that are new: there are not that many.
    try:
        with connect(seconds / 2) as connection:
            return _ask(connection, resource, wanted, questions, 1.0)
    except TookTooLong:
        with connect(seconds / 2) as connection:
            share = _READ / max(_estimate(connection, resource, Conditions()), _READ)
            return _ask(connection, resource, wanted, questions, share)


def _estimate(connection: Connection, resource: str, wanted: Conditions) -> float:
    """About how many documents there are, as the planner believes."""
    statement = sql.SQL("EXPLAIN (FORMAT JSON) SELECT FROM {}{}").format(sql.Identifier(parent(resource)), wanted.where)
    row = connection.execute(statement, wanted.params).fetchone()
    return float(row[0][0]["Plan"]["Plan Rows"]) if row else 0.0


def _ask(
    connection: Connection, resource: str, wanted: Conditions, questions: Sequence[Question], share: float
) -> Facets:
    """All answers in one statement, over a share of the documents."""
    sources = [_source(resource, question) for question in questions]
    statement, params = _statement(resource, wanted, questions, sources, share)
    found: list[list[tuple[str, int]]] = [[] for _ in questions]
    counted = [0] * len(questions)
    total, missing = 0, list[int]()
    for index, value, number, sum_, absent in connection.execute(statement, params):
        if index is None:
            total, missing = number, absent
        else:
            word = value if isinstance(questions[index], Ranges) else values.word(sources[index], value)
            found[index].append((word, number))
            counted[index] = sum_
    answers = [
        _answered(question, listed, whole, absent)
        for question, listed, whole, absent in zip(questions, found, counted, missing, strict=True)
    ]
    return Facets(answers, total, share)


def _answered(question: Question, listed: list[tuple[str, int]], whole: int, absent: int) -> Answer:
    if isinstance(question, Terms):
        return Answer(listed, absent, whole - sum(number for _, number in listed))
    stretches = dict(listed)
    return Answer([(str(n), stretches.get(str(n), 0)) for n in range(len(question.bounds) + 1)], absent)


def _source(resource: str, question: Question) -> Source:
    if isinstance(question, Ranges):
        return Source(ordering.numeric(resource, question.field))
    return ordering.counted(resource, question.field)


def _statement(
    resource: str, wanted: Conditions, questions: Sequence[Question], sources: Sequence[Source], share: float
) -> tuple[sql.Composed, list[Any]]:
    # Two questions about one field read it once.
    names = {source: sql.Identifier(f"c{n}") for n, source in enumerate(dict.fromkeys(sources))}
    columns = {source: values.column(source) for source in names}
    params: list[Any] = [param for column in columns.values() for param in column.params]
    params += wanted.params
    absent = sql.SQL(", ").join(sql.SQL("count(*) - count({})").format(names[source]) for source in sources)
    sample = sql.SQL(" TABLESAMPLE SYSTEM ({})").format(sql.Literal(100 * share)) if share < 1 else sql.SQL("")
    parts: list[sql.Composable] = [
        sql.SQL("SELECT NULL::integer, NULL::text, count(*), NULL::bigint, ARRAY[{}]::bigint[] FROM hits").format(
            absent
        )
    ]
    for index, (question, source) in enumerate(zip(questions, sources, strict=True)):
        part, more = _answer(index, question, source, names[source])
        parts.append(part)
        params += more
    statement = sql.SQL("WITH hits AS MATERIALIZED (SELECT {columns} FROM {table}{sample}{where}) {parts}").format(
        columns=sql.SQL(", ").join(sql.SQL("{} AS {}").format(columns[source].text, names[source]) for source in names),
        table=sql.Identifier(parent(resource)),
        sample=sample,
        where=wanted.where,
        parts=sql.SQL(" UNION ALL ").join(parts),
    )
    return statement, params


def _answer(index: int, question: Question, source: Source, name: sql.Identifier) -> tuple[sql.Composed, list[Any]]:
    """Rows of (question, value, documents, documents of all values, -), those with most documents first."""
    if isinstance(question, Ranges):
        statement = sql.SQL(
            "SELECT {index}, width_bucket({name}::double precision, %s::double precision[])::text, count(*), 0, NULL"
            " FROM hits WHERE {name} IS NOT NULL GROUP BY 2"
        )
        return statement.format(index=sql.Literal(index), name=name), [[float(bound) for bound in question.bounds]]
    prefixed = (
        sql.SQL(" WHERE {} ~ %s").format(values.text(sql.SQL("value"), source)) if question.prefix else sql.SQL("")
    )
    listed = sql.SQL(
        "(SELECT {index}, {text}, number, (sum(number) OVER ())::bigint, NULL"
        " FROM (SELECT value, count(*) AS number FROM {rows} AS unfolded{prefixed} GROUP BY 1) AS found"
        " ORDER BY number DESC, found.value LIMIT {size})"
    ).format(
        index=sql.Literal(index),
        text=values.text(sql.SQL("value"), source),
        rows=values.rows(sql.SQL("hits"), name, source),
        prefixed=prefixed,
        size=sql.Literal(question.size),
    )
    return listed, [f"^{any_case(question.prefix)}"] if question.prefix else []
