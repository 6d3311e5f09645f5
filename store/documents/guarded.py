"""A document store behind its breaker: while that is open, every call is answered at once with StoreAway.

What the store refuses, or gives up because it takes too long, was answered: only a store that cannot be used counts.
How the store is (`health`) is asked of the store itself, whatever the breaker says.
"""

from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any, cast

from store.breakers import Board, Breaker, BreakerOpen, Settings
from store.documents.base import DocumentStore, StoreAway, StoreBusy, StoreUnavailable, TookTooLong

NAME = "documents"
_FREE = ("health", "free_bytes", "close")


def documents_breaker(board: Board | None, settings: Settings) -> Breaker:
    """The breaker of the document store; shared by all who share the board."""
    return Breaker(NAME, board, judge=judge, settings=settings)


def judge(error: Exception) -> bool | None:
    """What an error says of the store: it cannot be used (True), it answered (False), or nothing (None)."""
    if isinstance(error, StoreAway | TookTooLong):
        return None
    return isinstance(error, StoreUnavailable) and not isinstance(error, StoreBusy)


def guarded(store: DocumentStore, breaker: Breaker) -> DocumentStore:
    """The same store, left alone while the breaker is open."""
    return cast(DocumentStore, _Guarded(store, breaker))


class _Guarded:
    def __init__(self, store: DocumentStore, breaker: Breaker) -> None:
        self._store = store
        self._breaker = breaker

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)
        if name in _FREE or not callable(found):
            return found
        one = self._behind(found)
        setattr(self, name, one)  # looked up once
        return one

    def _behind(self, method: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(method)
        def call(*args: Any, **named: Any) -> Any:
            self._check()
            try:
                answer = method(*args, **named)
            except Exception as error:
                self._breaker.ended(error)
                raise
            if isinstance(answer, Iterator):
                return self._each(answer)  # nothing was asked yet
            self._breaker.succeeded()
            return answer

        return call

    def _each(self, answers: Iterator[Any]) -> Iterator[Any]:
        """What comes bit by bit; what its reader does meanwhile is none of the store's."""
        while True:
            try:
                one = next(answers)
            except StopIteration:
                self._breaker.succeeded()
                return
            except Exception as error:
                self._breaker.ended(error)
                raise
            self._breaker.succeeded()
            yield one

    def _check(self) -> None:
        try:
            self._breaker.check()
        except BreakerOpen as error:
            raise StoreAway(error.reason, since=error.since, wait=error.wait) from error
