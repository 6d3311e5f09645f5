"""A pin keeps communications beyond their day, with session, bodies and packets, and nothing else."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from apps.core.errors import ApplicationError
from apps.httpcomms import pins, purges, requests
from apps.httpcomms.models import Pin
from apps.whisperers.models import Change, StoragePolicy, Whisperer
from apps.whisperers.services import grant_set
from documents.ids import PINNED
from store.documents import EVERYTHING, DocumentStore
from tasks import maintenance
from tests.apps.httpcomms.conftest import Traffic

pytestmark = pytest.mark.django_db
RESOURCES = ("httpcomms", "tcpsessions", "httpbodies", "packets")
NOTHING = requests.Search("", None, requests.Range(None, None))


def days_pass(**days: int) -> None:
    """Retention as it is when what was captured is older than the days given (of all kinds: older than any)."""
    kept = {"packets": 0, "bodies": 0, "communications": 0} | days
    StoragePolicy.objects.update_or_create(name="default", defaults=kept)
    maintenance.retention()


def all_days_pass() -> None:
    days_pass(packets=1, bodies=1, communications=1)


def pin(owner: User, *ids: str, name: str = "incident") -> Pin:
    return pins.pin_create(owner=owner, name=name, wanted=NOTHING, ids=ids)


def policies(store: DocumentStore) -> dict[str, set[str]]:
    return {name: {part.policy for part in store.days(name)} for name in RESOURCES}


def stored(store: DocumentStore) -> list[str]:
    return sorted(hit["id"] for hit in store.search("httpcomms", EVERYTHING, None).hits)


@pytest.fixture
def evidence(as_alice: Client, traffic: Traffic) -> Any:
    """What can be read of a communication: the document, its bodies, its packets."""

    def read(id: str) -> list[tuple[int, bytes]]:
        paths = ["", "bodies/req/", "bodies/res/", "pcap/"]
        answers = [as_alice.get(f"/api/v1/httpcomms/{id}/{path}") for path in paths]
        return [(answer.status_code, answer.content if answer.status_code == 200 else b"") for answer in answers]

    return read


def test_what_is_pinned_outlives_its_day_whole(
    alice: User, traffic: Traffic, site_store: DocumentStore, evidence: Any
) -> None:
    before = evidence(traffic.order)
    assert [status for status, _ in before] == [200] * 4
    pin(alice, traffic.order)
    days_pass(packets=1)
    assert policies(site_store)["packets"] == {PINNED}
    assert policies(site_store)["httpcomms"] == {"default"}
    assert evidence(traffic.order) == before
    all_days_pass()
    assert set(map(frozenset, policies(site_store).values())) == {frozenset({PINNED})}
    assert stored(site_store) == [traffic.order]
    assert site_store.count("tcpsessions", EVERYTHING, None) == 1
    assert evidence(traffic.order) == before
    # The other body of the same page is not kept, nor are the packets of other sessions.
    kept = [blob for p in range(2) for blob in site_store.blobs("httpbodies", EVERYTHING, "c-test-0001", p, 0, 99)]
    assert sum(blob.count(b'-req",') + blob.count(b'-res",') for blob in kept) == 2
    assert [status for status, _ in evidence(traffic.logo)] == [404] * 4


def test_retention_that_died_on_its_way_copies_nothing_twice(
    alice: User, traffic: Traffic, site_store: DocumentStore, evidence: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = evidence(traffic.order)
    pin(alice, traffic.order)
    with monkeypatch.context() as patched:
        patched.setattr(site_store, "drop_day", lambda *_: False)
        all_days_pass()
    assert policies(site_store) == {name: {"default", PINNED} for name in RESOURCES}
    all_days_pass()
    assert stored(site_store) == [traffic.order]
    assert evidence(traffic.order) == before
    for name in ("httpbodies", "packets"):
        read = [blob for p in range(2) for blob in site_store.blobs(name, EVERYTHING, "c-test-0001", p, 0, 99)]
        assert site_store.count(name, EVERYTHING, None) == len(read), name  # a reader drops repeats


def test_a_pin_that_is_taken_back_takes_its_copies_along(
    alice: User, traffic: Traffic, site_store: DocumentStore, evidence: Any
) -> None:
    before = evidence(traffic.html)
    one, two = pin(alice, traffic.order, traffic.html), pin(alice, traffic.html, name="other")
    all_days_pass()
    pins.pin_remove(pin=one, actor=alice)
    maintenance.unpin()
    assert stored(site_store) == [traffic.html]
    assert evidence(traffic.html) == before
    assert evidence(traffic.order)[0][0] == 404
    pages = [blob for p in range(2) for blob in site_store.blobs("httpbodies", EVERYTHING, "c-test-0001", p, 0, 99)]
    assert not any(traffic.order.encode() in page for page in pages)
    pins.pin_remove(pin=two, actor=alice)
    maintenance.unpin()
    assert not stored(site_store)
    assert policies(site_store) == {name: set() for name in RESOURCES}
    assert not Pin.objects.exists()


def test_what_is_not_old_yet_stays_when_its_pin_goes(alice: User, traffic: Traffic, site_store: DocumentStore) -> None:
    pins.pin_remove(pin=pin(alice, traffic.order), actor=alice)
    maintenance.unpin()
    assert len(stored(site_store)) == 4


@pytest.mark.parametrize("asked", [{"q": "*"}, {"from": "2020-01-01T00:00:00Z"}])
def test_a_purge_spares_what_is_pinned_unless_it_says_so(
    alice: User, whisperer: Whisperer, traffic: Traffic, site_store: DocumentStore, evidence: Any, asked: dict[str, str]
) -> None:
    before = evidence(traffic.order)
    pin(alice, traffic.order)

    def purge(**more: str) -> None:
        wanted = purges.read(alice, whisperer, asked | more, list(purges.KINDS))
        maintenance.purge_part(purges.purge_start(asked=wanted, planned=[], actor=alice).pk)

    purge()
    assert stored(site_store) == [traffic.order]
    assert evidence(traffic.order) == before
    purge(pinned="yes")
    assert not stored(site_store)
    assert [status for status, _ in evidence(traffic.order)] == [404] * 4
    assert not Pin.objects.exists()


def test_a_purge_of_the_whole_whisperer_takes_pins_along(
    alice: User, whisperer: Whisperer, traffic: Traffic, site_store: DocumentStore
) -> None:
    pin(alice, traffic.order)
    all_days_pass()
    maintenance.purge(str(whisperer.pk))
    assert not stored(site_store)
    assert not Pin.objects.exists()


def test_a_day_whose_copy_fails_stays(
    alice: User, traffic: Traffic, site_store: DocumentStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    pin(alice, traffic.order)

    def refuse(*_: object) -> None:
        raise maintenance.StoreError("no")

    monkeypatch.setattr("apps.httpcomms.pinning._check", refuse)
    all_days_pass()
    assert all("default" in found for found in policies(site_store).values())


def test_a_query_is_pinned_within_a_bound(alice: User, traffic: Traffic, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = requests.read({"q": "req.method:GET"})
    made = pins.pin_create(owner=alice, name=" two  words ", wanted=wanted)
    assert (made.name, made.query, made.communications.count()) == ("two words", "req.method:GET", 3)
    assert Change.objects.latest("pk").after == {"pin": "two words", "communications": 3}
    monkeypatch.setattr(pins, "MOST", 2)
    for wanted_, words in ((wanted, "More than 2"), (requests.read({"q": "req.method:PUT"}), "Nothing")):
        with pytest.raises(ApplicationError, match=words):
            pins.pin_create(owner=alice, name="x", wanted=wanted_)


def test_who_pins_sees_and_takes_back(
    alice: User, bob: User, charlie: User, whisperer: Whisperer, traffic: Traffic
) -> None:
    grant_set(whisperer=whisperer, user=bob, rights=["search"])
    with pytest.raises(ApplicationError, match="'pin' on shop"):
        pin(bob, traffic.order)
    made = pin(alice, traffic.order)
    assert [one.pk for one in pins.pins_of(bob)] == [made.pk]
    assert not pins.pins_of(charlie)
    assert not pins.may_remove(bob, made)
    with pytest.raises(ApplicationError, match="'pin' on shop"):
        pins.pin_remove(pin=made, actor=bob)
    grant_set(whisperer=whisperer, user=bob, rights=["search", "pin"])
    pins.pin_remove(pin=made, actor=bob)
    assert not pins.pins_of(alice)
    grant_set(whisperer=whisperer, user=bob, rights=["pin"])
    with pytest.raises(ApplicationError, match="Nothing"):
        pin(bob, traffic.order)


def test_a_pin_opens_as_searches_that_find_it(as_alice: Client, alice: User, traffic: Traffic) -> None:
    (address,) = pins.searches(pin(alice, traffic.order, traffic.logo))
    found = as_alice.get(address.replace("/?", "/api/v1/httpcomms/?")).json()
    assert {hit["id"] for hit in found["hits"]} == {traffic.order, traffic.logo}
