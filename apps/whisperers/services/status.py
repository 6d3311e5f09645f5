"""What agents tell of themselves: the state and figures of an instance, and its figures over the last day."""

import math
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from apps.whisperers.models import Instance, Sample

#: The figures that are kept: numbers, by these names.
FIGURES = frozenset(
    {
        "cpu", "memory", "started", "bytes_second", "bytes_total", "packets_captured", "packets_filtered",
        "dropped_kernel", "dropped_queue", "dropped_limit", "dropped_breaker", "calls", "calls_failed",
        "call_average_ms", "call_p90_ms", "chunks_waiting", "spool_bytes", "captures",
    }
)  # fmt: skip
#: A host with containers has hundreds of interfaces; what is beyond these nobody can choose.
MOST_INTERFACES, MOST_ADDRESSES = 500, 20
SAMPLES_KEPT = timedelta(days=1)


@transaction.atomic
def status_take(*, instance: Instance, told: dict[str, Any]) -> None:
    """Keep what an agent said of itself (checked by the API): its row is the present, a sample the past."""
    now = timezone.now()
    figures = clean_figures(told.get("figures"))
    instance.state, instance.reason, instance.applied = told["state"], told["reason"], told["applied"]
    instance.version, instance.figures, instance.last_seen = told.get("version") or instance.version, figures, now
    changed = ["state", "reason", "applied", "version", "figures", "last_seen"]
    if "interfaces" in told:
        instance.interfaces = clean_interfaces(told["interfaces"])
        changed.append("interfaces")
    instance.save(update_fields=changed)
    Sample.objects.create(instance=instance, at=now, figures=figures)


def samples_trim(now: datetime | None = None) -> int:
    """Remove figures that are older than a day; returns how many."""
    oldest = (now or timezone.now()) - SAMPLES_KEPT
    return Sample.objects.filter(at__lt=oldest).delete()[0]


def clean_figures(said: Any) -> dict[str, float]:
    """The known figures that are finite numbers."""
    if not isinstance(said, dict):
        return {}
    return {
        name: value
        for name, value in said.items()
        if name in FIGURES and isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    }


def clean_interfaces(said: Any) -> list[dict[str, Any]]:
    """Name, addresses, up and link type of each interface; what has no usable name is left out."""
    found = []
    for one in said[:MOST_INTERFACES] if isinstance(said, list) else []:
        name = _word(one.get("name"), 15) if isinstance(one, dict) else ""
        if not name:
            continue
        addresses, link = one.get("addresses"), one.get("link")
        texts = addresses[:MOST_ADDRESSES] if isinstance(addresses, list) else []
        found.append(
            {
                "name": name,
                "addresses": [text for text in (_word(address, 45) for address in texts) if text],
                "up": one.get("up") is True,
                "link": link if type(link) is int and 0 <= link < 65536 else None,
            }
        )
    return found


def _word(value: Any, longest: int) -> str:
    return value if isinstance(value, str) and len(value) <= longest and value.isprintable() else ""
