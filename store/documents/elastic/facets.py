"""Facets: one search, an aggregation for the values of each question and one for the documents without any.

Days are shards of their own, so counts of values that are rare in some may be a little low; `_SHARD` makes that
unlikely. The engine looks for a prefix in texts alone; of numbers and addresses the most frequent are looked through
here.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from documents.words import any_case
from store.documents import ordering
from store.documents.elastic.client import Limited
from store.documents.elastic.reader import Query, ask, word
from store.documents.questions import Answer, Facets, Ranges, Terms

Question = Terms | Ranges

#: Documents that are counted one by one; of more a sample of about as many. And the part tried where time ran out.
COUNTED = 500_000
_SMALL = 0.01
#: Values that each day gives at least, so that the sums over days are right.
_SHARD = 200
#: Values of numbers and addresses among which a prefix is looked for.
_LOOKED_THROUGH = 1_000
_TEXTS = frozenset({"keyword", "flattened"})


def facets(
    client: Limited, resource: str, wanted: Query, questions: Sequence[Question], quickly: bool = False
) -> Facets:
    """All answers in one request, over a sample of very many documents if it is to be `quickly`; see
    DocumentStore.facets."""
    for question in questions:
        _name(resource, question)  # refused before anything is counted
    if not quickly:
        return _ask(client, resource, wanted, questions, 1.0)
    total = ask(client, resource, query=wanted, size=0, track_total_hits=True)["hits"]["total"]["value"]
    # The engine samples at most every second document, or takes all.
    share = 1.0 if total <= COUNTED else min(COUNTED / total, 0.5)
    return _ask(client, resource, wanted, questions, share)


def sampled(client: Limited, resource: str, wanted: Query, questions: Sequence[Question]) -> Facets:
    """Answers over a part of the documents that is small whatever there is."""
    return _ask(client, resource, wanted, questions, _SMALL)


def _ask(client: Limited, resource: str, wanted: Query, questions: Sequence[Question], share: float) -> Facets:
    aggregations: dict[str, Any] = {}
    for index, question in enumerate(questions):
        field = {"field": _name(resource, question)}
        aggregations[f"values{index}"] = _values(resource, question)
        aggregations[f"missing{index}"] = {"missing": field}
        if share < 1:  # in a sample only this form is known, which takes a star in a key for a pattern
            aggregations[f"missing{index}"] = {"filter": {"bool": {"must_not": [{"exists": field}]}}}
    if share < 1:
        aggregations = {"sample": {"random_sampler": {"probability": share, "seed": 1}, "aggs": aggregations}}
    answer = ask(client, resource, query=wanted, size=0, aggs=aggregations or None, track_total_hits=True)
    total = answer["hits"]["total"]["value"]
    found = answer.get("aggregations")
    if found is None:
        return Facets([_nothing(question) for question in questions], total)
    if share < 1:
        found = found["sample"]
        total = found["doc_count"]
    answers = [
        _answer(question, found[f"values{index}"], found[f"missing{index}"]["doc_count"])
        for index, question in enumerate(questions)
    ]
    if share < 1:
        # Values come scaled up; the counts given are those of the sample, as from every engine.
        return Facets([_of_sample(answer, share) for answer in answers], total, share)
    return Facets(answers, total)


def _of_sample(answer: Answer, share: float) -> Answer:
    values = [(value, round(count * share)) for value, count in answer.values]
    return Answer(values, round(answer.missing * share), round(answer.others * share))


def terms(name: str, size: int) -> Query:
    """The most frequent values; ties by value."""
    order = [{"_count": "desc"}, {"_key": "asc"}]
    return {"field": name, "size": size, "shard_size": max(size * 2, _SHARD), "order": order}


def _name(resource: str, question: Question) -> str:
    if isinstance(question, Ranges):
        return ordering.numeric(resource, question.field).name
    return ordering.counted(resource, question.field).name


def _values(resource: str, question: Question) -> Query:
    name = _name(resource, question)
    if isinstance(question, Ranges):
        edges = [None, *map(float, question.bounds), None]
        stretches = [
            {"key": str(index)} | {word: edge for word, edge in (("from", low), ("to", high)) if edge is not None}
            for index, (low, high) in enumerate(pairwise(edges))
        ]
        return {"range": {"field": name, "ranges": stretches}}
    if not question.prefix:
        return {"terms": terms(name, question.size)}
    if ordering.counted(resource, question.field).field.type in _TEXTS:
        return {"terms": terms(name, question.size) | {"include": any_case(question.prefix) + ".*"}}
    return {"terms": terms(name, _LOOKED_THROUGH)}


def _answer(question: Question, found: dict[str, Any], missing: int) -> Answer:
    values = [(word(bucket), int(bucket["doc_count"])) for bucket in found["buckets"]]
    if isinstance(question, Ranges):
        counts = dict(values)
        return Answer([(str(n), counts.get(str(n), 0)) for n in range(len(question.bounds) + 1)], missing)
    others = int(found["sum_other_doc_count"])
    if question.prefix:
        begins = question.prefix.lower()
        values = [(value, count) for value, count in values if value.lower().startswith(begins)]
        if len(values) > question.size:
            others = sum(count for _, count in values[question.size :])
    return Answer(values[: question.size], missing, others)


def _nothing(question: Question) -> Answer:
    """Of a resource without an index yet."""
    if isinstance(question, Ranges):
        return Answer([(str(n), 0) for n in range(len(question.bounds) + 1)], 0)
    return Answer([], 0)
