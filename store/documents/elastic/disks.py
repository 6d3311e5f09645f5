"""How much Elasticsearch can still write: at the flood stage of a node's disk it makes indexes read-only.

That is a share of the disk in use, in percent or as a ratio, with a most that has to stay free (`max_headroom`), or the
bytes that have to stay free; by default 95 % and 100 GB, on a large disk long before it is full.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

_DISK: Final = "cluster.routing.allocation.disk"
_STAGE: Final = f"{_DISK}.watermark.flood_stage"
#: What of the settings is asked for.
FILTER: Final = f"*.{_DISK}"

_BYTES: Final = re.compile(r"([0-9.]+)([kmgtp]?)b?")
_UNITS: Final = " kmgtp"


def room(nodes: Iterable[Mapping[str, Any]], settings: Mapping[str, Any]) -> int | None:
    """Bytes that the fullest node can still write, by the statistics of its disk and the settings of the cluster."""
    said: dict[str, str] = {}
    for level in ("defaults", "persistent", "transient"):  # the later win
        said |= dict(_flat("", settings.get(level, {})))
    totals = [node["fs"]["total"] for node in nodes]
    left = [disk["available_in_bytes"] - kept_free(said, disk["total_in_bytes"]) for disk in totals]
    return max(min(left), 0) if left else None


def kept_free(said: Mapping[str, str], total: int) -> int:
    """Bytes that have to stay free on a disk of `total` bytes, by settings with their whole names. 0 for one that this
    cannot read: what Elasticsearch does is seen all the same when it does it."""
    stage = said.get(_STAGE, "").lower()
    if said.get(f"{_DISK}.threshold_enabled", "true") != "true":
        return 0
    used = _share(stage)
    if used is None:
        return _bytes(stage) or 0
    free, most = int(total * (1 - used)), _bytes(said.get(f"{_STAGE}.max_headroom", "").lower())
    return free if most is None else min(free, most)


def _share(text: str) -> float | None:
    """A percentage or ratio as a ratio; None for what is none."""
    try:
        return float(text.removesuffix("%")) / 100 if text.endswith("%") else float(text)
    except ValueError:
        return None


def _bytes(text: str) -> int | None:
    """A size with its unit; None for what is none, as -1 is (no limit)."""
    match = _BYTES.fullmatch(text)
    return int(float(match[1]) * 1024 ** _UNITS.index(match[2] or " ")) if match else None


def _flat(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if not isinstance(value, Mapping):
        yield name, str(value)
        return
    for key, inner in value.items():
        yield from _flat(f"{name}.{key}" if name else key, inner)
