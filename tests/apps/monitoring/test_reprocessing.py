"""The page and the API of reprocessing: who may, what is told, and that a run is asked for, followed and cancelled."""

from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from apps.monitoring import reprocessing
from apps.monitoring.models import LeftSession, Reprocessing
from apps.whisperers.models import Change, Whisperer
from apps.whisperers.services import grant_set
from store.documents import StoreUnavailable
from tests.apps.conftest import client_of
from tests.apps.httpcomms.conftest import Traffic
from tests.apps.httpcomms.conftest import traffic as traffic  # noqa: PLC0414 - a fixture

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("site_store")]


def page(whisperer: Whisperer, rest: str = "") -> str:
    return f"/whisperers/{whisperer.pk}/reprocessing/{rest}"


def api(whisperer: Whisperer, rest: str = "") -> str:
    return f"/api/v1/whisperers/{whisperer.pk}/reprocessings/{rest}"


def post(client: Client, path: str, **body: str) -> Any:
    return client.post(path, body, content_type="application/json")


def test_a_run_is_counted_begun_followed_and_cancelled(
    as_alice: Client, whisperer: Whisperer, traffic: Traffic, django_capture_on_commit_callbacks: Any
) -> None:
    assert post(as_alice, api(whisperer, "plan/"), q="req.method:POST").json() == {"total": 1}
    with patch("celery.current_app.send_task") as sent, django_capture_on_commit_callbacks(execute=True):
        answer = post(as_alice, api(whisperer), q="req.method:POST", to="2100-01-01T00:00:00Z")
    assert answer.status_code == 202
    made = answer.json()
    (call,) = sent.call_args_list
    assert (call.args, call.kwargs["args"]) == (("tasks.reprocess.step",), (made["id"],))
    assert (made["state"], made["query"], made["total"], made["lookedAt"]) == ("running", "req.method:POST", 1, 0)
    assert (made["since"], made["until"]) == (None, "2100-01-01T00:00:00Z")
    again = post(as_alice, api(whisperer))
    assert (again.status_code, again.json()["error"]["code"]) == (409, "running")
    (listed,) = as_alice.get(api(whisperer)).json()["reprocessings"]
    assert listed == as_alice.get(api(whisperer, f"{made['id']}/")).json()
    ended = as_alice.delete(api(whisperer, f"{made['id']}/")).json()
    assert (ended["state"], bool(ended["ended"])) == ("cancelled", True)
    assert Change.objects.filter(whisperer=whisperer, action="reprocessed").count() == 1


def test_a_bad_query_or_range_is_refused_with_its_name(as_alice: Client, whisperer: Whisperer) -> None:
    for given, field in (
        ({"q": "nothing.such:1"}, "q"),
        ({"from": "now", "to": "now-1h"}, "to"),
        ({"what": "x"}, "what"),
    ):
        answer = post(as_alice, api(whisperer), **given)
        assert (answer.status_code, answer.json()["error"]["field"]) == (400, field)
    answer = as_alice.get(page(whisperer), {"count": "1", "q": "nothing.such:1"})
    assert answer.status_code == 400
    assert "nothing.such" in answer.content.decode()
    assert not Reprocessing.objects.exists()


def test_it_needs_the_rights_to_configure_and_to_search(whisperer: Whisperer, charlie: User) -> None:
    client = client_of(charlie)
    assert client.get(page(whisperer)).status_code == 404
    for rights, status in ((["see", "search"], 403), (["see", "configure"], 403), (["configure", "search"], 202)):
        grant_set(whisperer=whisperer, user=charlie, rights=rights)
        assert post(client, api(whisperer)).status_code == status
    assert client.get(page(whisperer)).status_code == 200


def test_the_page_counts_first_and_tells_what_changed(as_alice: Client, whisperer: Whisperer, traffic: Traffic) -> None:
    shown = as_alice.get(page(whisperer), {"count": "1", "q": "req.method:POST"}).content.decode()
    assert "1 communication<" in shown
    assert "Nothing of " in shown
    answer = as_alice.post(page(whisperer, "start/"), {"q": "req.method:POST"})
    assert (answer.status_code, answer["Location"]) == (302, page(whisperer))
    run = Reprocessing.objects.get()
    run.counts = {"sessions": 1234, "changed": 5, "removed": 0}
    run.fields = {"req.template": 5}
    run.save()
    reprocessing.sessions_leave(run, ["20260101-default-0123456789abcdef"], LeftSession.Reason.OPEN)
    reprocessing.sessions_leave(run, ["20260101-default-0123456789abcdef"], LeftSession.Reason.DIED)
    shown = as_alice.get(page(whisperer, "list/")).content.decode()
    for words in ("1,234 TCP sessions", "req.template", "It was open still", 'hx-trigger="every 2s"'):
        assert words in shown
    assert "removed" not in shown
    assert "died" not in shown
    cancelled = as_alice.post(page(whisperer, f"{run.pk}/cancel/"), headers={"HX-Request": "true"}).content.decode()
    assert "Cancelled" in cancelled
    assert "every 2s" not in cancelled


def test_a_store_that_is_away_is_told(as_alice: Client, whisperer: Whisperer) -> None:
    with patch.object(reprocessing, "document_store", side_effect=StoreUnavailable("down")):
        assert post(as_alice, api(whisperer)).status_code == 503
        shown = as_alice.get(page(whisperer), {"count": "1"})
        assert shown.status_code == 400
        answer = as_alice.post(page(whisperer, "start/"), {})
    assert "Nothing was begun" in answer.content.decode()
    assert not Reprocessing.objects.exists()


def test_of_what_was_left_some_is_remembered_and_how_much_there_was(whisperer: Whisperer, alice: User) -> None:
    plan = reprocessing.reprocessing_plan(user=alice, whisperer=whisperer, parameters={})
    run = reprocessing.reprocessing_start(user=alice, run=plan)
    reprocessing.sessions_leave(run, [f"20260101-default-{n:016x}" for n in range(50)], LeftSession.Reason.OPEN)
    reprocessing.sessions_leave(run, [f"20260101-default-{n:016x}" for n in range(40, 53)], LeftSession.Reason.PACKETS)
    reprocessing.runs_tidy()
    assert run.left.count() == 53  # it goes on
    reprocessing.runs_cancel(str(whisperer.pk))
    Reprocessing.objects.update(ended=timezone.now() - timedelta(hours=1))
    reprocessing.runs_tidy()
    run.refresh_from_db()
    assert run.state == "cancelled"
    assert reprocessing.left_of(run) == {"open": 50, "packets": 3}
    assert run.left.count() == reprocessing.LEFT_KEPT + 3
