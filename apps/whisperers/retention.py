"""How long what is stored stays: each storage policy's own days, else those of the settings."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final

from django.conf import settings

from apps.whisperers.models import StoragePolicy
from documents.ids import PINNED

#: The kinds of data that a policy tells apart, by the resource that each is.
KINDS: Final = {"packets": "packets", "bodies": "httpbodies", "communications": "httpcomms"}
_KIND_OF: Final = {resource: kind for kind, resource in KINDS.items()}


@dataclass(frozen=True, slots=True)
class Retention:
    """The days of every policy, read once."""

    policies: dict[str, StoragePolicy] = field(default_factory=dict)

    @classmethod
    def now(cls) -> "Retention":
        """As configured at this moment."""
        return cls({policy.pk: policy for policy in StoragePolicy.objects.all()})

    def days(self, resource: str, policy: str) -> int | None:
        """Days that a resource stays under a policy; None for ever, as what is pinned."""
        if policy == PINNED:
            return None
        kind = _KIND_OF.get(resource, "communications")  # as do TCP sessions and the accounting
        own = getattr(self.policies.get(policy), kind, None)
        usual = settings.RETENTION_DAYS if kind == "communications" else settings.PACKET_RETENTION_DAYS
        days = usual if own is None else own
        return int(days) or None

    def last_day(self, resource: str, policy: str, day: str) -> date | None:
        """The day after which a day of documents ("20261122") is dropped; None never."""
        days = self.days(resource, policy)
        return None if days is None else date(int(day[:4]), int(day[4:6]), int(day[6:])) + timedelta(days)
