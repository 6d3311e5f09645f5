"""Names of indexes and tables: one for each resource, day and storage policy.

The day is the one on which the chunk was accepted, so retention drops whole days. The names stand in the documents'
bulk actions and reach statements from there, so they are taken apart and checked here.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from documents import ids

#: Documents that were refused, kept with their reason. The store's own resource.
REJECTED = "rejected"

#: Resources whose documents are opaque blobs with a header, stored under ids of the store's own.
BLOB_RESOURCES = frozenset({"packets", "httpbodies"})

#: Everything that has an index or table a day.
RESOURCES = (*ids.RESOURCES, REJECTED)

_INDEX = re.compile(rf"spider-([a-z]+)-([0-9]{{8}})-({ids.POLICY.pattern})")
_TABLE = re.compile(rf"spider_([a-z]+)_([0-9]{{8}})_({ids.POLICY.pattern})")


@dataclass(frozen=True, slots=True, order=True)
class Part:
    """Where a document lives: its resource, day and policy."""

    resource: str
    day: str
    policy: str

    @property
    def index(self) -> str:
        """The Elasticsearch index."""
        return ids.index_name(self.resource, self.day, self.policy)

    @property
    def table(self) -> str:
        """The PostgreSQL table."""
        return ids.table_name(self.resource, self.day, self.policy)


def alias(resource: str) -> str:
    """The alias over all indexes of a resource."""
    return f"spider-{resource}"


def parent(resource: str) -> str:
    """The PostgreSQL table over all days of a resource."""
    return f"spider_{resource}"


@lru_cache(maxsize=1024)
def part_of(name: str) -> Part | None:
    """The part that an index or table name means; None for any other name."""
    found = _INDEX.fullmatch(name) or _TABLE.fullmatch(name)
    if found is None or found[1] not in RESOURCES:
        return None
    return Part(*found.groups())
