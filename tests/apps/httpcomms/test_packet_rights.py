"""Packets hold credentials unmasked: who may search but not read them is told so, everywhere that packets are."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from apps.whisperers.models import Whisperer
from apps.whisperers.services import grant_set
from tests.apps.conftest import client_of
from tests.apps.httpcomms.conftest import Traffic

pytestmark = pytest.mark.django_db


@pytest.fixture
def searcher(charlie: User, whisperer: Whisperer) -> Client:
    """Somebody with the right "search" alone."""
    grant_set(whisperer=whisperer, user=charlie, rights=["search"])
    return client_of(charlie)


def evidence(traffic: Traffic) -> list[str]:
    return [
        f"/api/v1/httpcomms/{traffic.order}/pcap/",
        f"/api/v1/tcpsessions/{traffic.session}/packets/",
        f"/api/v1/tcpsessions/{traffic.session}/pcap/",
    ]


def test_who_may_search_reads_all_but_packets(searcher: Client, traffic: Traffic) -> None:
    for path in evidence(traffic):
        response = searcher.get(path)
        assert response.status_code == 403, path
        error = response.json()["error"]
        assert (error["code"], error["right"]) == ("forbidden", "packets")
        assert "'packets' on shop" in error["message"]
    for path in (
        f"/api/v1/httpcomms/{traffic.order}/",
        f"/api/v1/httpcomms/{traffic.order}/bodies/req/",
        f"/api/v1/tcpsessions/{traffic.session}/",
    ):
        assert searcher.get(path).status_code == 200, path


def test_the_packets_tab_says_which_right_is_missing(searcher: Client, traffic: Traffic) -> None:
    address = f"/httpcomms/{traffic.order}/packets/"
    told = searcher.get(address, headers={"HX-Request": "true"})
    assert told.status_code == 200
    assert "ask for the right &#x27;packets&#x27; on shop" in told.content.decode()
    assert searcher.get(address).status_code == 403


def test_a_download_is_offered_to_who_may_have_it(searcher: Client, as_bob: Client, traffic: Traffic) -> None:
    link = f"/api/v1/httpcomms/{traffic.order}/pcap/"
    address = f"/httpcomms/{traffic.order}/"
    assert link in as_bob.get(address).content.decode()
    page = searcher.get(address)
    assert page.status_code == 200
    assert link not in page.content.decode()


def test_packets_without_search_open_nothing(bob: User, whisperer: Whisperer, traffic: Traffic) -> None:
    grant_set(whisperer=whisperer, user=bob, rights=["packets"])
    for path in evidence(traffic):
        assert client_of(bob).get(path).status_code == 404, path


def test_staff_and_holders_of_both_rights_read_packets(as_alice: Client, as_bob: Client, traffic: Traffic) -> None:
    for client in (as_alice, as_bob):
        for path in evidence(traffic):
            assert client.get(path).status_code == 200, path
