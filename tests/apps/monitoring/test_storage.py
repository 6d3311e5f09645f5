"""How long things are kept: storage policies, whole days dropped, the page and the API; disks that are nearly full."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError

from apps.captures import space
from apps.core.errors import ApplicationError
from apps.whisperers.models import Change, StoragePolicy, Whisperer
from apps.whisperers.retention import Retention
from apps.whisperers.services import ConfigurationError, configuration_set
from apps.whisperers.services.policies import policy_delete, policy_set
from documents import bulk
from documents.build import Document
from store.documents import DocumentStore
from tasks import maintenance
from tests.apps.conftest import client_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def days(site_store: DocumentStore) -> Iterator[DocumentStore]:
    """The site's store; what is stored of the accounting goes afterwards."""
    yield site_store
    for part in site_store.days("monitoring"):
        site_store.drop_day("monitoring", part.day, part.policy)


def stored(store: DocumentStore, days_ago: int, policy: str) -> str:
    """A document of the accounting, accepted so many days ago."""
    day = datetime.now(UTC) - timedelta(days=days_ago)
    id = f"x:{policy}:{days_ago}"
    body = b'{"id":"%s","kind":"figures","date":"%s"}' % (id.encode(), f"{day:%Y-%m-%dT%H:%M:%SZ}".encode())
    found = store.write("monitoring", bulk.lines([Document(id, 1, "monitoring", f"{day:%Y%m%d}", policy, body)]))
    assert found.stored == 1
    return f"{day:%Y%m%d}"


def test_each_policy_has_its_own_days(days: DocumentStore, settings: Any) -> None:
    settings.RETENTION_DAYS = 7
    policy_set(name="short", values={"packets": 1, "bodies": 1, "communications": 1})
    policy_set(name="ever", values={"communications": 0})
    old = {policy: stored(days, 3, policy) for policy in ("short", "ever", "default", "unknown")}
    older = {policy: stored(days, 8, policy) for policy in ("ever", "default", "unknown")}
    edge = stored(days, 7, "default")
    maintenance.retention()
    left = {(part.policy, part.day) for part in days.days("monitoring")}
    assert ("short", old["short"]) not in left
    assert {("ever", old["ever"]), ("ever", older["ever"]), ("default", old["default"]), ("default", edge)} <= left
    assert ("unknown", old["unknown"]) in left
    assert not {("default", older["default"]), ("unknown", older["unknown"])} & left


def test_packets_and_bodies_have_days_of_their_own(settings: Any) -> None:
    settings.RETENTION_DAYS, settings.PACKET_RETENTION_DAYS = 7, 2
    policy_set(name="audit", values={"packets": 1, "communications": 365})
    kept = Retention.now()
    names = ("packets", "httpbodies", "httpcomms", "tcpsessions", "rejected")
    found = {name: kept.days(name, "audit") for name in names}
    assert found == {"packets": 1, "httpbodies": 2, "httpcomms": 365, "tcpsessions": 365, "rejected": 365}
    assert kept.days("packets", "default") == 2


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"packets": 8, "communications": 7}, "packets"),
        ({"packets": 30}, "packets"),
        ({"communications": 1}, "packets"),
        ({"bodies": 0, "communications": 7}, "bodies"),
        ({"communications": 40_000}, "communications"),
    ],
)
def test_days_that_make_no_sense_are_refused_by_name(values: dict[str, int], field: str) -> None:
    with pytest.raises(ValidationError) as error:
        policy_set(name="odd", values=values)
    assert field in error.value.message_dict
    assert not StoragePolicy.objects.exists()


def test_a_policy_that_is_used_stays(whisperer: Whisperer) -> None:
    policy, _ = policy_set(name="audit", values={})
    Whisperer.objects.filter(pk=whisperer.pk).update(policy="audit")
    with pytest.raises(ValidationError, match=whisperer.name):
        policy_delete(policy=policy)
    Whisperer.objects.filter(pk=whisperer.pk).update(policy="default")
    policy_delete(policy=policy)


def test_the_api_makes_changes_and_deletes(alice: User, bob: User) -> None:
    staff, person = client_of(alice), client_of(bob)
    address = "/api/v1/policies/audit/"
    body = {"content_type": "application/json"}
    assert person.put(address, {"communications": 30}, **body).status_code == 403
    assert staff.put(address, {"communications": 30}, **body).status_code == 201
    answer = staff.put(address, {"packets": 0}, **body)
    assert answer.status_code == 400
    assert "packets" in answer.json()["error"]["field"]
    assert staff.put("/api/v1/policies/Audit!/", {}, **body).status_code == 400
    assert person.get(address).json() == {
        "name": "audit", "title": "", "packets": None, "bodies": None, "communications": 30
    }  # fmt: skip
    assert [one["name"] for one in person.get("/api/v1/policies/").json()["policies"]] == ["audit"]
    assert staff.delete(address).status_code == 204
    assert staff.get(address).status_code == 404


def test_the_page_shows_days_and_changes_policies(days: DocumentStore, alice: User, bob: User) -> None:
    day = stored(days, 1, "audit")
    assert client_of(bob).get("/monitoring/storage/").status_code == 403
    assert client_of(bob).get("/api/v1/monitoring/storage/").status_code == 403
    client = client_of(alice)
    given = {"name": "audit", "title": "for auditors", "communications": "30"}
    assert client.post("/monitoring/storage/policy/", given).status_code == 302
    page = client.get("/monitoring/storage/").content.decode()
    assert "for auditors" in page
    until = datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC) + timedelta(days=30)
    assert f"{until:%Y-%m-%d}" in page
    api = client.get("/api/v1/monitoring/storage/").json()
    assert [one["last"] for one in api["days"] if one["policy"] == "audit"] == [f"{until:%Y-%m-%d}"]
    answer = client.post("/monitoring/storage/policy/", given | {"packets": "many"})
    assert answer.status_code == 400
    assert "is no number of days" in answer.content.decode()
    assert client.post("/monitoring/storage/policy/delete/", {"name": "audit"}).status_code == 302
    assert not StoragePolicy.objects.exists()


def test_staff_drop_a_day_before_its_time(days: DocumentStore, alice: User, bob: User, monkeypatch: Any) -> None:
    monkeypatch.setattr("apps.whisperers.services.policies.send", lambda _name, *args, **_: maintenance.drop(*args))
    day = stored(days, 1, "audit")
    given = {"resource": "monitoring", "day": day, "policy": "audit"}
    staff, person = client_of(alice), client_of(bob)
    assert person.post("/monitoring/storage/drop/", given).status_code == 403
    assert f'value="{day}"' in staff.get("/monitoring/storage/").content.decode()
    assert staff.post("/monitoring/storage/drop/", given).status_code == 302
    assert not [part for part in days.days("monitoring") if part.policy == "audit"]
    change = Change.objects.latest("pk")
    assert (change.action, change.actor, change.subject[:14]) == ("dropped", alice, "monitoring of ")
    assert staff.post("/monitoring/storage/drop/", given | {"resource": "users; DROP"}).status_code == 404
    address, body = "/api/v1/monitoring/storage/drop/", {"content_type": "application/json"}
    dated = given | {"day": f"{day[:4]}-{day[4:6]}-{day[6:]}"}
    assert person.post(address, dated, **body).status_code == 403
    assert staff.post(address, dated, **body).status_code == 404
    assert staff.post(address, dated | {"policy": "pinned"}, **body).json()["error"]["field"] == "policy"
    stored(days, 1, "audit")
    assert staff.post(address, dated, **body).status_code == 202
    assert not [part for part in days.days("monitoring") if part.policy == "audit"]


def test_no_policy_is_called_as_the_place_of_pins(alice: User, whisperer: Whisperer) -> None:
    with pytest.raises(ValidationError, match="where pins are kept"):
        policy_set(name="pinned", values={"communications": 1})
    with pytest.raises(ConfigurationError, match="where pins are kept"):
        configuration_set(target=whisperer, kind="parsing", values={"policy": "pinned"}, actor=alice)
    assert Retention.now().days("packets", "pinned") is None


def test_forms_offer_the_policies_that_there_are(alice: User, whisperer: Whisperer) -> None:
    policy_set(name="audit", values={"title": "for <auditors>"})
    for path in ("/whisperers/new/", f"/whisperers/{whisperer.pk}/parsing/"):
        page = client_of(alice).get(path).content.decode()
        assert '<option value="audit">for &lt;auditors&gt;</option>' in page, path


def test_a_nearly_full_disk_refuses_chunks_until_there_is_room(
    site_store: DocumentStore, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(space, "LOOK_SECONDS", 0.0)
    settings.STORE_FREE = 1 << 60
    with pytest.raises(ApplicationError) as error:
        space.require_room()
    assert (error.value.status_code, error.value.code) == (503, "disk_full")
    assert "SPIDER_STORE_FREE" in error.value.message
    settings.STORE_FREE = 1
    space.require_room()
