"""A purge of a query or a time range: what goes, what stays, who may, and that it can be stopped."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from apps.core.errors import ApplicationError
from apps.core.words import rfc3339
from apps.httpcomms import purges
from apps.httpcomms.models import Purge
from apps.whisperers.models import Change, Whisperer
from apps.whisperers.services import grant_set
from store.documents import EVERYTHING, DocumentStore
from store.documents.blobs import stamp
from tasks.maintenance import purge_part
from tasks.outgoing import raw_blob
from tests.apps.httpcomms.conftest import DAY, Traffic

pytestmark = pytest.mark.django_db
ALL = list(purges.KINDS)


def purge(
    whisperer: Whisperer, actor: User, kinds: list[str] | None = None, **asked: str
) -> tuple[dict[str, int], Purge]:
    """Ask for one, and do it: what was planned, and its record at the end."""
    wanted = purges.read(actor, whisperer, asked, kinds or ALL)
    made = purges.purge_start(asked=wanted, planned=purges.purge_plan(wanted), actor=actor)
    purge_part(made.pk)
    made.refresh_from_db()
    return made.planned, made


def paths(store: DocumentStore) -> list[str]:
    return sorted(hit["req"]["path"] for hit in store.search("httpcomms", EVERYTHING, None).hits)


def sessions(store: DocumentStore) -> int:
    return store.count("tcpsessions", EVERYTHING, None)


def test_a_query_takes_its_bodies_and_leaves_a_session_that_others_need(
    as_alice: Client, alice: User, whisperer: Whisperer, traffic: Traffic, site_store: DocumentStore
) -> None:
    body, other = (f"/api/v1/httpcomms/{id}/bodies/res/" for id in (traffic.order, traffic.html))
    assert as_alice.get(body).status_code == 200
    planned, made = purge(whisperer, alice, ["bodies"], q="req.method:POST")
    assert (planned, made.removed, made.state) == ({"bodies": 1}, {"bodies": 1}, "done")
    assert as_alice.get(body).status_code == 404
    assert as_alice.get(other).status_code == 200
    planned, made = purge(whisperer, alice, q="req.method:POST")
    assert planned == {"communications": 1, "bodies": 1, "sessions": 1, "packets": 1}
    assert made.removed == {"communications": 1, "bodies": 1}
    assert traffic.order not in [hit["id"] for hit in site_store.search("httpcomms", EVERYTHING, None).hits]
    assert as_alice.get(f"/api/v1/httpcomms/{traffic.html}/pcap/").status_code == 200
    assert sessions(site_store) == 3


def test_a_query_takes_sessions_and_packets_that_nothing_else_needs(
    as_alice: Client, alice: User, whisperer: Whisperer, traffic: Traffic, site_store: DocumentStore
) -> None:
    logo = traffic.logo.rpartition("-")[0]
    _, made = purge(whisperer, alice, ["packets"], q="req.path:/logo.png")
    assert made.removed == {"packets": 1}
    assert as_alice.get(f"/api/v1/tcpsessions/{logo}/pcap/").status_code == 404
    assert as_alice.get(f"/api/v1/tcpsessions/{traffic.session}/pcap/").status_code == 200
    _, made = purge(whisperer, alice, q="req.path:/logo.png")
    assert (made.removed["sessions"], sessions(site_store)) == (1, 2)
    assert "/logo.png" not in paths(site_store)


def test_a_time_range_takes_what_lies_in_it(
    alice: User, whisperer: Whisperer, traffic: Traffic, site_store: DocumentStore
) -> None:
    first = min(event.request.started for event in traffic.seeded.communications.values() if event.request)
    end = rfc3339(first + 900_000_000)
    planned, made = purge(whisperer, alice, to=end)
    assert made.removed == {kind: count for kind, count in planned.items() if count}
    assert paths(site_store) == ["/logo.png", "/slow"]
    assert sessions(site_store) == 2
    assert made.removed["sessions"] == 1
    left = [blob for p in range(2) for blob in site_store.blobs("packets", EVERYTHING, "c-test-0001", p, 0, 99)]
    assert left
    purge(whisperer, alice, to=rfc3339(traffic.seeded.last + 10**9))
    assert not paths(site_store)
    assert not [blob for p in range(2) for blob in site_store.blobs("packets", EVERYTHING, "c-test-0001", p, 0, 99)]


def test_what_was_put_aside_lies_in_no_range(
    alice: User, whisperer: Whisperer, traffic: Traffic, site_store: DocumentStore
) -> None:
    place = {"whisperer": str(whisperer.pk), "capture": "c-test-0001", "chunk": 1, "day": DAY, "policy": "default"}
    aside = stamp(raw_blob(b"unread", 1), partition=-1, **place)
    site_store.write_blobs("packets", [aside])
    purge(whisperer, alice, to="2040-01-01T00:00:00Z")
    assert list(site_store.blobs("packets", EVERYTHING, "c-test-0001", -1, 0, 99)) == [aside]
    assert site_store.count("packets", EVERYTHING, None) == 1


def test_it_is_written_down_and_takes_nothing_of_others(
    alice: User, whisperer: Whisperer, traffic: Traffic, site_store: DocumentStore
) -> None:
    other = Whisperer.objects.create(name="other", mode="FILE")
    _, made = purge(other, alice, q="*")
    assert (made.state, made.removed) == ("done", {})
    assert len(paths(site_store)) == 4
    change = Change.objects.latest("pk")
    assert (change.action, change.actor, change.whisperer) == ("purged", alice, other)
    assert (change.after["query"], change.after["what"]) == ("*", "packets, bodies, sessions, communications")


def test_one_that_was_cancelled_ends_after_its_step(
    alice: User, whisperer: Whisperer, traffic: Traffic, site_store: DocumentStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = purges.purge_start(asked=purges.read(alice, whisperer, {"q": "*"}, ALL), planned=[], actor=alice)
    counted = purges.purge_step

    def step(*args: Any) -> bool:
        purges.purge_cancel(purge=made, actor=alice)
        return counted(*args)

    monkeypatch.setattr("tasks.maintenance.purge_step", step)
    purge_part(made.pk)
    made.refresh_from_db()
    assert (made.state, sum(made.removed.values())) == ("cancelled", 3)
    assert len(paths(site_store)) == 4
    assert not purges.purge_cancel(purge=made, actor=alice)
    purge_part(made.pk)
    assert len(paths(site_store)) == 4


def test_one_whose_worker_died_is_sent_again(
    alice: User, whisperer: Whisperer, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[int] = []
    monkeypatch.setattr(purges, "send", lambda _name, key, **_: sent.append(key))
    lost, young, done = (
        Purge.objects.create(whisperer=whisperer, kinds=ALL, state=state) for state in ("running", "running", "done")
    )
    Purge.objects.exclude(pk=young.pk).update(touched=timezone.now() - 2 * purges.LOST)
    purges.purges_resume()
    purges.purges_resume()
    assert sent == [lost.pk]
    assert purges.purge_take(lost.pk) is not None
    assert purges.purge_take(lost.pk) is None
    assert purges.purge_take(done.pk) is None


@pytest.mark.parametrize(
    ("asked", "kinds", "field"),
    [
        ({}, ALL, "q"),
        ({"q": "*"}, [], "what"),
        ({"q": "*"}, ["hosts"], "what"),
        ({"from": "2026-11-23T00:00", "to": "2026-11-22T00:00"}, ALL, "to"),
        ({"from": "yesterday"}, ALL, "from"),
        ({"q": "*", "pinned": "maybe"}, ALL, "pinned"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    alice: User, whisperer: Whisperer, asked: dict[str, str], kinds: list[str], field: str
) -> None:
    with pytest.raises(ApplicationError) as refused:
        purges.read(alice, whisperer, asked, kinds)
    assert refused.value.field == field


def test_counts_tell_what_is_there_so_a_query_needs_the_right_to_search(bob: User, whisperer: Whisperer) -> None:
    grant_set(whisperer=whisperer, user=bob, rights=["purge"])
    assert purges.read(bob, whisperer, {"from": "now-1h"}, ALL)
    with pytest.raises(ApplicationError, match="'search'"):
        purges.read(bob, whisperer, {"q": "*"}, ALL)
    grant_set(whisperer=whisperer, user=bob, rights=["search"])
    with pytest.raises(ApplicationError, match="'purge'"):
        purges.read(bob, whisperer, {"from": "now-1h"}, ALL)
