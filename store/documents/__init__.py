"""The document store: one interface (`base.DocumentStore`), two engines, and the poller that fills it.

`open_store` makes the one that an address asks for. Whoever reads says whose documents may be seen.
"""

from store.documents.base import (
    EVERYTHING,
    TOTAL_BOUND,
    BadCursor,
    BadRequest,
    Bucket,
    DayPart,
    DocumentStore,
    Failure,
    Health,
    Page,
    Scope,
    StoreAway,
    StoreError,
    StoreUnavailable,
    TookTooLong,
    WriteResult,
)
from store.documents.guarded import documents_breaker, guarded
from store.documents.opening import open_store
from store.documents.questions import FUNCTIONS, Answer, Facets, Figures, Function, Group, Metric, Ranges, Terms
from store.documents.version import STORE_VERSION, Behind, Step, StoreVersion

__all__ = [
    "EVERYTHING",
    "FUNCTIONS",
    "STORE_VERSION",
    "TOTAL_BOUND",
    "Answer",
    "BadCursor",
    "BadRequest",
    "Behind",
    "Bucket",
    "DayPart",
    "DocumentStore",
    "Facets",
    "Failure",
    "Figures",
    "Function",
    "Group",
    "Health",
    "Metric",
    "Page",
    "Ranges",
    "Scope",
    "Step",
    "StoreAway",
    "StoreError",
    "StoreUnavailable",
    "StoreVersion",
    "Terms",
    "TookTooLong",
    "WriteResult",
    "documents_breaker",
    "guarded",
    "open_store",
]
