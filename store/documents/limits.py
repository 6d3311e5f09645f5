"""Bounds of what one search may ask for, checked before an engine sees it."""

from collections.abc import Sequence
from itertools import pairwise
from math import isfinite

from store.documents.base import MAX_BUCKETS, MAX_PAGE, BadRequest
from store.documents.ordering import Source, is_text
from store.documents.questions import FUNCTIONS, MAX_GROUPS, Metric, Ranges, Terms

_MILLISECOND = 1_000_000
#: Most facets of one question, stretches of one facet, characters of a prefix (each may become four of a pattern).
MAX_QUESTIONS = 40
MAX_RANGES = 100
MAX_PREFIX = 200
#: Most fields that figures are grouped by, and most lines of such an answer.
MAX_BY = 3
MAX_LINES = 50_000


def check_size(size: int) -> None:
    """A page or a list of values has between 1 and MAX_PAGE items."""
    if not 1 <= size <= MAX_PAGE:
        raise BadRequest(f"a page has 1 to {MAX_PAGE} items, not {size}")


def check_buckets(since: int, until: int, interval: int) -> None:
    """A timeline has steps of whole milliseconds (Elasticsearch's smallest), and not too many of them."""
    if interval < _MILLISECOND or interval % _MILLISECOND:
        raise BadRequest("the step of a timeline is a whole number of milliseconds")
    if (until - since) // interval > MAX_BUCKETS:
        raise BadRequest(f"a timeline has at most {MAX_BUCKETS} steps")


def check_questions(questions: Sequence[Terms | Ranges]) -> None:
    """Facets have a bounded number of values, and bounds in order."""
    if len(questions) > MAX_QUESTIONS:
        raise BadRequest(f"at most {MAX_QUESTIONS} facets can be asked for at once")
    for question in questions:
        if isinstance(question, Terms):
            check_size(question.size)
            if len(question.prefix) > MAX_PREFIX or not is_text(question.prefix):
                raise BadRequest(f"a prefix is at most {MAX_PREFIX} characters of text")
        elif not (0 < len(question.bounds) < MAX_RANGES and all(map(isfinite, question.bounds))):
            raise BadRequest(f"ranges of {question.field!r} have 1 to {MAX_RANGES - 1} bounds, all of them numbers")
        elif any(low >= high for low, high in pairwise(question.bounds)):
            raise BadRequest(f"the bounds of {question.field!r} must grow")


def check_figures(
    metrics: Sequence[Metric], by: Sequence[str], since: int | None, until: int | None, interval: int | None, size: int
) -> None:
    """Figures have a bounded number of groups and steps."""
    if not 1 <= len(metrics) <= MAX_QUESTIONS or any(metric.function not in FUNCTIONS for metric in metrics):
        raise BadRequest(f"1 to {MAX_QUESTIONS} figures can be asked for, of: {', '.join(FUNCTIONS)}")
    if len(by) > MAX_BY:
        raise BadRequest(f"figures are grouped by at most {MAX_BY} fields")
    if not 1 <= size <= MAX_GROUPS:
        raise BadRequest(f"there can be 1 to {MAX_GROUPS} groups, not {size}")
    if interval is not None:
        if since is None or until is None:
            raise BadRequest("figures in steps need a range with both ends")
        check_buckets(since, until, interval)
        if by and (until - since) // interval * size > MAX_LINES:
            raise BadRequest(f"groups times steps are more than {MAX_LINES}: ask for fewer of either")


def check_single(source: Source) -> None:
    """Different values are counted of fields with one value a document."""
    if source.many:
        raise BadRequest(f"a document may have several values of {source.name!r}: it can only be grouped by")
