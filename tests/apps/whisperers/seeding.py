"""Whisperers in every state, with agents, what these told in the last hour, and people who may do this or that."""

import math
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone

from apps.captures.models import Capture
from apps.whisperers.configuration.resolve import resolve
from apps.whisperers.models import Instance, Sample, Team, Whisperer
from apps.whisperers.services import (
    configuration_set,
    enrolment_create,
    grant_set,
    team_create,
    team_members_set,
    token_create,
    whisperer_capture,
    whisperer_create,
)

HOUR = timedelta(hours=1)
PACE = timedelta(seconds=20)
INTERFACES = [
    {"name": "eth0", "addresses": ["10.4.1.21", "fe80::1"], "up": True, "link": 1},
    {"name": "cilium0", "addresses": ["10.0.0.12"], "up": True, "link": 1},
    {"name": "lo", "addresses": ["127.0.0.1"], "up": True, "link": 1},
]


@dataclass
class World:
    """What was made, by name."""

    team: Team
    whisperers: dict[str, Whisperer] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Whisperer:
        return self.whisperers[name]


def agent(whisperer: Whisperer, name: str, state: str = "capturing", *, seen: int = 2, **more: Any) -> Instance:
    """An agent that was heard of `seen` seconds ago, with the newest configuration in force."""
    more.setdefault("interfaces", INTERFACES)
    more.setdefault("applied", resolve(whisperer, "capture").revision)
    made = Instance.objects.create(
        whisperer=whisperer, name=name, state=state, version="1.4.0",
        last_seen=timezone.now() - timedelta(seconds=seen), **more,
    )  # fmt: skip
    for kind in ("upload", "read"):
        token_create(whisperer=whisperer, instance=made, kind=kind)
    return made


def talk(instance: Instance, rate: float = 12e6, *, lost: int = 0, length: timedelta = HOUR) -> None:
    """What an agent told every twenty seconds, the last time at its `last_seen`."""
    last: datetime = instance.last_seen or timezone.now()
    steps = int(length / PACE)
    samples = []
    for n in range(steps + 1):
        wave = 1 + 0.18 * math.sin(n / 9) + 0.07 * math.sin(n * 1.7)
        gone = n * PACE.total_seconds()
        lossy = lost if n > steps * 0.7 else 0
        figures = {
            "cpu": round(21 * wave, 1), "memory": 24e6 * (1 + 0.02 * wave),
            "started": (last - timedelta(days=6, hours=4)).timestamp(),
            "bytes_second": round(rate * wave), "bytes_total": int(6e11 + rate * gone),
            "packets_captured": int(8e8 + rate / 980 * gone), "packets_filtered": int(7e7 + rate / 11000 * gone),
            "dropped_kernel": lossy // 5, "dropped_queue": lossy, "dropped_limit": 0, "dropped_breaker": 0,
            "calls": int(92000 + gone * 3), "calls_failed": 3 if n > steps * 0.6 else 0,
            "call_average_ms": round(18 * wave, 1), "call_p90_ms": round(41 * wave, 1),
            "chunks_waiting": n % 3, "spool_bytes": 0, "captures": 1,
        }  # fmt: skip
        samples.append(Sample(instance=instance, at=last - length + n * PACE, figures=figures))
    Sample.objects.bulk_create(samples)
    Instance.objects.filter(pk=instance.pk).update(figures=samples[-1].figures)


def world(owner: User, member: User | None = None) -> World:
    """One whisperer for each state, and the figures of a busy hour."""
    team = team_create(name="Shop", actor=owner)
    if member is not None:
        team_members_set(team=team, members=[owner, member], actor=owner)
    configuration_set(target=team, kind="capture", values={"seconds": 2, "cpu_limit": 60}, actor=owner)
    made = World(team)

    def new(name: str, mode: str = "INTERFACE", *, capturing: bool = False) -> Whisperer:
        whisperer = whisperer_create(name=name, mode=mode, team=team, actor=owner)
        if capturing:
            whisperer_capture(whisperer=whisperer, capturing=True, actor=owner)
        made.whisperers[name] = whisperer
        return whisperer

    busy = new("shop-prod-2", capturing=True)
    capture = {"interfaces": ["eth0"], "filter": "tcp port 8080 and not host 10.4.9.9"}
    capture["host_blacklist"] = ["metrics.example.org"]
    configuration_set(target=busy, kind="capture", actor=owner, values=capture)
    configuration_set(target=busy, kind="capture", actor=owner, values={"uploads": 4})
    configuration_set(target=busy, kind="parsing", actor=owner, values=PARSING)
    for name, rate, lost in (("node-b1", 7.2e6, 0), ("node-b2", 8.8e6, 2316), ("node-b3", 2.9e6, 0)):
        talk(agent(busy, name), rate, lost=lost)
    captured(busy)
    grant_set(whisperer=busy, team=team, rights=["search", "packets", "startStop", "configure"], actor=owner)
    enrolment_create(whisperer=busy, life=timedelta(hours=8), actor=owner)

    edge = new("shop-edge", capturing=True)
    talk(agent(edge, "edge-1"), 4.1e6)
    wrong = new("shop-staging", capturing=True)
    agent(wrong, "stg-node-2", "wrong", reason="interface ens5 does not exist; there are eth0, lo")
    starting = new("orders-canary", capturing=True)
    agent(starting, "canary-1", "stopped", applied="old")
    agent(new("nightly-load"), "load-1", "stopped")
    gone = new("warehouse-pi", capturing=True)
    agent(gone, "pi", seen=270_000)
    paused = new("checkout-edge", capturing=True)
    agent(paused, "edge-7", "paused", reason="it takes 71 % of a processor, the limit is 60 %")
    new("replay-october", "FILE")
    new("sandbox", "UPLOAD")
    return made


PARSING = {
    "save_packets": True,
    "templates": [
        {"name": "Create order", "method": "^POST$", "host": "orders", "path": "^/v2/orders$"},
        {
            "name": r"Order \1: \2",
            "method": "^POST$",
            "host": "orders",
            "path": r"^/v2/orders/(A-\d+)/(cancel|return)$",
        },
        {"name": "Product page", "method": "^GET$", "host": "catalog", "path": r"^/v1/products/SKU-\d+$"},
        {"name": "Health check", "path": "^/(health|ready)$"},
    ],
    "tags": [
        {"name": "order", "where": "req.path", "regex": r"(A-\d+)"},
        {"name": "cart", "where": "res.body", "json": "$.cart.id"},
    ],
    "masking": {"headers": ["x-api-key"], "query_keys": ["password", "token"], "body_keys": ["cardNumber", "cvc"]},
}


def captured(whisperer: Whisperer) -> None:
    """Captures that ended, with their sums."""
    for n in range(3):
        Capture.objects.create(
            id=f"capture-{whisperer.name}-{n}", whisperer=whisperer, policy="default", partitions=1, state="closed",
            totals={
                "packets.uploaded": 1_000_000 + n, "packets.session": 990_000 + n, "packets.notTcp": 8_000,
                "packets.undecodable": 1_500, "packets.late": 500, "bytes.uploaded": 900_000_000,
            },
        )  # fmt: skip


def page(whisperer: Whisperer, tab: str = "") -> str:
    """The address of a tab."""
    return f"/whisperers/{whisperer.pk}/{tab}"
