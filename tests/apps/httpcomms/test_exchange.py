"""One exchange for other tools, what there is around it, its packets in layers: right, bounded, and for who may see."""

import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from apps.whisperers.models import Whisperer
from apps.whisperers.services import grant_set
from tests.apps.conftest import client_of
from tests.apps.httpcomms.conftest import HTML, ORDER, Traffic

pytestmark = pytest.mark.django_db


@pytest.fixture
def searcher(charlie: User, whisperer: Whisperer) -> Client:
    """Somebody with the right "search" alone."""
    grant_set(whisperer=whisperer, user=charlie, rights=["search"])
    return client_of(charlie)


def got(client: Client, path: str, status: int = 200, **parameters: str) -> Any:
    response = client.get(path, parameters)
    assert response.status_code == status, response.content
    return response


def of_content(traffic: Traffic) -> list[str]:
    one, page = f"/api/v1/httpcomms/{traffic.order}/", f"/httpcomms/{traffic.order}/"
    return [f"{one}har/", f"{one}curl/", f"{one}fetch/", f"{one}related/", f"{page}around/", f"{page}tcp/"]


def of_packets(traffic: Traffic) -> list[str]:
    return [f"/api/v1/tcpsessions/{traffic.session}/packets/4/", f"/httpcomms/{traffic.order}/packets/4/"]


def test_a_scope_holds_for_every_form(as_bob: Client, as_charlie: Client, traffic: Traffic) -> None:
    html = f"/httpcomms/{traffic.html}/body/res/preview/"
    for path in (*of_content(traffic), *of_packets(traffic), html):
        assert as_bob.get(path).status_code == 200, path
        assert as_charlie.get(path).status_code == 404, path


def test_who_may_search_sees_all_but_packets(searcher: Client, traffic: Traffic) -> None:
    for path in of_content(traffic):
        assert searcher.get(path).status_code == 200, path
    for path in of_packets(traffic):
        assert searcher.get(path).status_code == 403, path


def test_everything_needs_a_login(client: Client, traffic: Traffic) -> None:
    for path in [*of_content(traffic), *of_packets(traffic)]:
        assert client.get(path).status_code in (401, 302), path


def test_har_holds_both_bodies(as_alice: Client, traffic: Traffic) -> None:
    response = got(as_alice, f"/api/v1/httpcomms/{traffic.order}/har/")
    assert response["Content-Disposition"].endswith('.har"')
    (entry,) = json.loads(response.content)["log"]["entries"]
    assert entry["request"]["postData"]["text"] == entry["response"]["content"]["text"] == ORDER.decode()


def test_curl_and_fetch_are_text_that_no_browser_runs(as_alice: Client, traffic: Traffic) -> None:
    for form, begin in (("curl", "curl 'http://"), ("fetch", "await fetch(")):
        response = got(as_alice, f"/api/v1/httpcomms/{traffic.order}/{form}/")
        assert response["Content-Type"] == "text/plain; charset=utf-8"
        assert response["Content-Security-Policy"] == "sandbox; default-src 'none'"
        assert begin in response.content.decode()
        assert "A-58213" in response.content.decode()


def test_fetch_is_json_that_a_program_can_read(as_alice: Client, traffic: Traffic) -> None:
    code = got(as_alice, f"/api/v1/httpcomms/{traffic.order}/fetch/").content.decode()
    options = json.loads(code[code.index(", {") + 2 : code.rindex(");")])
    assert options["method"] == "POST"
    assert options["body"] == ORDER.decode()


def test_what_is_around_is_told(as_alice: Client, traffic: Traffic) -> None:
    found = got(as_alice, f"/api/v1/httpcomms/{traffic.order}/related/").json()
    assert found["session"] == {"position": 1, "total": 2, "before": "", "after": traffic.html}
    assert found["comparison"] is None  # nothing to compare with
    html = got(as_alice, f"/httpcomms/{traffic.html}/around/").content.decode()
    assert "2nd of 2 in it" in html
    assert f'data-open="{traffic.order}"' in html


def test_a_packet_is_told_layer_by_layer(as_alice: Client, traffic: Traffic) -> None:
    path = f"/api/v1/tcpsessions/{traffic.session}/packets/"
    listed = got(as_alice, path).json()["packets"]
    assert [packet["number"] for packet in listed] == list(range(1, len(listed) + 1))
    number = next(packet["number"] for packet in listed if packet["length"])
    found = got(as_alice, f"{path}{number}/").json()
    data = bytes.fromhex(found["bytes"])
    assert found["packet"] == listed[number - 1]
    assert (found["link"], found["captured"]) == (1, len(data))
    assert [layer["name"] for layer in found["layers"]][:4] == ["Ethernet", "IPv4", "TCP", "HTTP"]
    (line,) = [one for one in found["layers"][3]["fields"] if one["name"] == "start line"]
    assert data[line["start"] : line["end"]].decode() == line["value"] == "POST /v2/orders?q=%3Cb%3E HTTP/1.1"


def test_a_packet_that_is_not_there_says_which_are(as_alice: Client, traffic: Traffic) -> None:
    for number in ("0", "9999"):
        error = got(as_alice, f"/api/v1/tcpsessions/{traffic.session}/packets/{number}/", 404).json()["error"]
        assert "packets 1 to " in error["message"]


def test_the_packets_of_an_exchange_alone(as_alice: Client, traffic: Traffic) -> None:
    every = got(as_alice, f"/httpcomms/{traffic.order}/packets/").content.decode()
    alone = got(as_alice, f"/httpcomms/{traffic.order}/packets/", only="1").content.decode()
    assert alone.count("<tr") == alone.count('class="in"') + 1  # and the head
    assert 2 <= alone.count('class="in"') == every.count('class="in"') < every.count("data-number")


def test_html_is_framed_in_a_sandbox_of_its_own(as_alice: Client, traffic: Traffic) -> None:
    response = got(as_alice, f"/httpcomms/{traffic.html}/body/res/preview/")
    assert response.content == HTML
    policy = response["Content-Security-Policy"]
    assert policy.startswith("sandbox; default-src 'none'")
    assert "script-src" not in policy
    assert "frame-ancestors 'self'" in policy
    assert response["X-Frame-Options"] == "SAMEORIGIN"
    assert response["Content-Type"] == "text/html; charset=utf-8"
    assert as_alice.get(f"/httpcomms/{traffic.order}/body/res/preview/").status_code == 404  # it is JSON


def test_an_image_is_served_as_what_its_bytes_are(as_alice: Client, traffic: Traffic) -> None:
    response = got(as_alice, f"/httpcomms/{traffic.logo}/body/res/image/")
    assert response["Content-Type"] == "image/png"
    assert response["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert as_alice.get(f"/httpcomms/{traffic.html}/body/res/image/").status_code == 404


@pytest.mark.parametrize("parameters", [{"at": "-1"}, {"at": "x"}, {"at": "99999999999"}])
def test_a_place_in_a_body_is_a_number(as_alice: Client, traffic: Traffic, parameters: dict[str, str]) -> None:
    assert as_alice.get(f"/httpcomms/{traffic.order}/body/res/", parameters).status_code == 400


def test_a_part_that_is_not_there_is_said(as_alice: Client, traffic: Traffic) -> None:
    path = f"/api/v1/httpcomms/{traffic.order}/bodies/res/"
    assert got(as_alice, path, 404, part="1").json()["error"]["field"] == "part"
    assert got(as_alice, path, 400, part="1", form="raw").json()["error"]["field"] == "form"


@pytest.mark.parametrize(
    ("value", "status"),
    [({"width": 420, "folded": True}, 200), ({"folded": False}, 200), ({"width": 5}, 400), ({"width": "wide"}, 400),
     ({"width": True}, 400), ({"other": 1}, 400), ([], 400), (None, 400)],
)  # fmt: skip
def test_what_is_kept_of_the_panel_is_checked(as_bob: Client, value: Any, status: int) -> None:
    path = "/api/v1/preferences/detail/"
    response = as_bob.put(path, json.dumps({"value": value}), content_type="application/json")
    assert response.status_code == status
    if status == 200:
        assert as_bob.get(path).json()["value"]["folded"] == value["folded"]
