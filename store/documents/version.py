"""The version of what is stored: fields, columns, indexes and templates of both engines, as one number.

The store says what it was prepared for, and each day (table or index) says what it has, in a mark: the version that
made it or brought it up, and the fields that conditions find in all of its documents. A day without a mark was made by
a program that wrote none, or before its store was brought up: nobody knows what its documents lack.
"""

from dataclasses import dataclass, replace
from typing import Any, Final

#: Raise it with every change of fields, columns, indexes or templates, with the digest that the test then names.
STORE_VERSION: Final = 4
#: The oldest program that may use a store of this version: raise it to the version of a change that older ones would
#: do harm to.
STORE_LEAST: Final = 3
#: What the number stands for; see tests/store/documents/test_version.py.
DIGEST: Final = "70567f4693fc5899"


@dataclass(frozen=True, slots=True)
class Mark:
    """What a day says of itself. `at`: the last document that was looked at on the way to version `towards`."""

    version: int = 0
    fields: frozenset[str] = frozenset()
    at: str = ""
    towards: int = 0

    @classmethod
    def of(cls, found: dict[str, Any] | None) -> "Mark":
        """The mark in what the engine keeps; one of nothing where there is none."""
        found = found or {}
        fields = frozenset(found.get("fields", ()))
        return cls(found.get("version", 0), fields, found.get("at", ""), found.get("towards", 0))

    @property
    def start(self) -> str:
        """The id after which a run goes on. One towards an older version looked for less."""
        return self.at if self.towards == STORE_VERSION else ""

    def moved(self, at: str) -> "Mark":
        """The mark of a day that was looked at up to this document."""
        return replace(self, at=at, towards=STORE_VERSION)

    def kept(self) -> dict[str, Any]:
        """What the engine keeps."""
        mark: dict[str, Any] = {"version": self.version, "fields": sorted(self.fields)}
        return mark | ({"at": self.at, "towards": self.towards} if self.at else {})


@dataclass(frozen=True, slots=True)
class Behind:
    """A day that is older than the program. `fields`: those that conditions do not find in all of its documents, None
    where nobody knows."""

    resource: str
    day: str
    policy: str
    documents: int  # estimated in PostgreSQL
    fields: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class StoreVersion:
    """What is stored: the newest version that the store was prepared for (0: never), the oldest program that may use
    it, and the days that are behind this program, newest first."""

    version: int
    least: int
    behind: tuple[Behind, ...] = ()

    @property
    def too_new(self) -> bool:
        """Whether this program would do harm to it."""
        return self.least > STORE_VERSION


@dataclass(frozen=True, slots=True)
class Step:
    """How far the upgrade of a day is: documents looked at, those that were changed, and those whose values do not fit
    and stay as they are. `doing` says what is done now."""

    day: Behind
    doing: str
    looked: int = 0
    changed: int = 0
    unfit: int = 0
