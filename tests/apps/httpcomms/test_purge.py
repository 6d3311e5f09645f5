"""A purge removes what one whisperer captured, and nothing else."""

from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.test import Client

from apps.whisperers.models import Change, Whisperer
from apps.whisperers.services import whisperer_delete, whisperer_purge
from store.documents import EVERYTHING, DocumentStore
from tasks.maintenance import CAPTURED, purge
from tests.apps.httpcomms.conftest import Traffic

pytestmark = pytest.mark.django_db


def test_a_purge_removes_what_one_whisperer_captured(
    as_alice: Client, whisperer: Whisperer, traffic: Traffic, site_store: DocumentStore
) -> None:
    purge(str(uuid4()))
    assert as_alice.get("/api/v1/httpcomms/").json()["total"] == 4
    assert as_alice.get(f"/api/v1/httpcomms/{traffic.order}/pcap/").status_code == 200
    purge(str(whisperer.pk))
    for resource in CAPTURED:
        site_store.refresh(resource)
    assert as_alice.get("/api/v1/httpcomms/").json()["total"] == 0
    for resource in ("packets", "httpbodies"):
        assert not list(site_store.blobs(resource, EVERYTHING, "c-test-0001", 0, 0, 99)), resource
    purge(str(whisperer.pk))


@pytest.mark.parametrize("does", [whisperer_purge, whisperer_delete])
def test_it_is_asked_for_once_the_change_is_written(
    whisperer: Whisperer,
    alice: User,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
    does: Any,
) -> None:
    sent: list[object] = []
    monkeypatch.setattr("apps.core.tasks.current_app.send_task", lambda name, args, **_: sent.append((name, args)))
    key = str(whisperer.pk)
    with django_capture_on_commit_callbacks(execute=True):
        does(whisperer=whisperer, actor=alice)
        assert not sent
    assert sent == [("tasks.maintenance.purge", (key,))]
    assert Change.objects.latest("pk").actor == alice
