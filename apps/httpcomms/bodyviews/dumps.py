"""Bytes as a dump: offsets, sixteen bytes a line in two groups, and the same as text. Three columns of one text each,
so that a browser holds no element for every byte and a column can be selected alone."""

from dataclasses import dataclass

from apps.httpcomms.bodyviews.limits import MAX_HEX

LINE = 16


@dataclass(frozen=True, slots=True)
class Dump:
    """Some bytes from `start` on; `more` counts those after them."""

    start: int
    offsets: str
    bytes: str
    printed: str
    more: int

    @property
    def next(self) -> int:
        """Where the next portion begins."""
        return self.start + len(self.printed.replace("\n", ""))


def dump(data: bytes, start: int = 0, size: int = MAX_HEX) -> Dump:
    """A portion of the bytes; it begins at the line that `start` is in."""
    start = min(max(start, 0), len(data)) // LINE * LINE
    part = data[start : start + size]
    offsets, rows, printed = [], [], []
    for at in range(0, len(part), LINE):
        row = part[at : at + LINE]
        offsets.append(f"{start + at:06x}")
        rows.append(f"{row[:8].hex(' '):<23}  {row[8:].hex(' ')}".rstrip())
        printed.append("".join(chr(byte) if 32 <= byte < 127 else "." for byte in row))
    return Dump(start, "\n".join(offsets), "\n".join(rows), "\n".join(printed), len(data) - start - len(part))
