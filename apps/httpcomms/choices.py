"""The columns that can be chosen, in groups, with the keys that were found in traffic. Pure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from apps.httpcomms import columns
from apps.httpcomms.columns import Column
from documents.fields import FIELDS

#: Groups by the beginning of a name; the first that fits has the column.
_GROUPS: Final = (
    ("Usual", ()),
    ("Request", ("req.",)),
    ("Response", ("res.",)),
    ("Client and server", ("stats.src.", "stats.dst.")),
    ("Status and times", ("stats.status", "stats.duration", "stats.timings.", "date")),
    ("How it was read", ("parsing.", "protocol", "parserVersion", "whisperer", "instance", "interface", "capture",
                         "chunk", "tcpSession", "id", "version", "stats.correlation")),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Choice:
    """A column to choose. `hits` is how many of the newest hits have the key; 0 for a plain field."""

    column: Column
    on: bool
    hits: int = 0

    @property
    def found_by(self) -> str:
        """What the search among the choices looks at."""
        return f"{self.column.name} {self.column.words} {self.column.description}".lower()


@dataclass(frozen=True, slots=True)
class Group:
    """Choices under one heading; `about` says what the heading does not."""

    words: str
    choices: Sequence[Choice]
    about: str = ""


def groups(keys: Mapping[str, Sequence[tuple[str, int]]], shown: Collection[str]) -> list[Group]:
    """Every column by group, then the keys of each field that has some."""
    made = []
    for words, beginnings in _GROUPS:
        names = [one for one in columns.known() if _group(one.name) == words] if beginnings else columns.usual()
        made.append(Group(words, [Choice(one, one.name in shown) for one in names]))
    for field, found in keys.items():
        choices = [
            Choice(one, one.name in shown, hits)
            for key, hits in found
            if (one := columns.column(f"{field}.{key}")) is not None and len(one.name) <= columns.MAX_NAME
        ]
        if choices:
            made.append(Group(field, choices, FIELDS["httpcomms"][field].description))
    return made


def _group(name: str) -> str:
    """The group of a column that is not among the usual ones."""
    if name in columns.USUAL:
        return "Usual"
    for words, beginnings in _GROUPS:
        if any(name == start or (start.endswith((".", "s")) and name.startswith(start)) for start in beginnings):
            return words
    return "How it was read"
