"""The search API on a real store: what it finds, what it refuses, and that nobody sees more than they may."""

import gzip
import shutil
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jsonschema
import pytest
from django.contrib.auth.models import User
from django.test import Client

from apps.core.errors import ApplicationError
from apps.core.servers import document_store
from apps.httpcomms import evidence
from store.documents import EVERYTHING, StoreUnavailable
from store.documents.cursor import Cursor, encode
from tests.apps.httpcomms.conftest import HTML, ORDER, Traffic
from wire import packets, records

pytestmark = pytest.mark.django_db


def search(client: Client, **parameters: str | int) -> dict[str, Any]:
    response = client.get("/api/v1/httpcomms/", parameters)
    assert response.status_code == 200, response.content
    return response.json()


def error(client: Client, path: str, status: int, **parameters: str) -> dict[str, Any]:
    response = client.get(path, parameters)
    assert response.status_code == status, response.content
    return response.json()["error"]


def addresses(traffic: Traffic) -> list[str]:
    one = f"/api/v1/httpcomms/{traffic.order}/"
    session = f"/api/v1/tcpsessions/{traffic.session}/"
    return [
        one,
        f"{one}bodies/req/",
        f"{one}bodies/res/",
        f"{one}pcap/",
        session,
        f"{session}packets/",
        f"{session}pcap/",
    ]


def test_a_query_finds_what_it_says(as_alice: Client, traffic: Traffic) -> None:
    found = search(as_alice, q="req.method:POST AND stats.statusCode:>=500")
    assert [hit["id"] for hit in found["hits"]] == [traffic.order]
    assert (found["total"], found["atLeast"], found["after"]) == (1, False, None)


def test_pages_hold_every_communication_once(as_alice: Client, traffic: Traffic) -> None:
    ids: list[str] = []
    after = ""
    while after is not None:
        page = search(as_alice, sort="date", size=1, after=after)
        ids += [hit["id"] for hit in page["hits"]]
        after = page["after"]
    assert ids == [traffic.order, traffic.html, traffic.logo, traffic.slow]


def test_a_range_ends_before_its_end(as_alice: Client, traffic: Traffic) -> None:
    date = search(as_alice, q="req.path:/logo.png")["hits"][0]["date"]
    assert search(as_alice, **{"from": date})["total"] == 2
    assert search(as_alice, to=date)["total"] == 2


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({"q": "req.method:POST AND nothing:1"}, "q"),
        ({"q": "stats.duration:[250 TO"}, "q"),
        ({"q": "stats.statusCode:many"}, "q"),
        ({"from": "soon"}, "from"),
        ({"size": "5000"}, "size"),
        ({"after": "nonsense"}, "after"),
    ],
)
def test_what_cannot_be_searched_is_refused_by_name(
    as_alice: Client, traffic: Traffic, parameters: dict[str, str], field: str
) -> None:
    refused = error(as_alice, "/api/v1/httpcomms/", 400, **parameters)
    assert refused["field"] == field
    assert refused["message"]
    assert ("position" in refused) == (field == "q")


def test_a_sort_that_is_no_column_is_refused(as_alice: Client, traffic: Traffic) -> None:
    assert error(as_alice, "/api/v1/httpcomms/", 400, sort="req.headers")["code"] == "invalid"


def test_the_position_of_an_error_is_where_it_is(as_alice: Client, traffic: Traffic) -> None:
    query = "req.method:POST AND nothing:1"
    assert error(as_alice, "/api/v1/httpcomms/", 400, q=query)["position"] == query.index("nothing")
    checked = as_alice.get("/api/v1/httpcomms/query/", {"q": query}).json()
    assert (checked["valid"], checked["error"]["position"]) == (False, query.index("nothing"))
    assert as_alice.get("/api/v1/httpcomms/query/", {"q": "req.method:POST"}).json() == {"valid": True}


def test_everything_needs_a_login(client: Client, traffic: Traffic) -> None:
    for path in [
        "/api/v1/httpcomms/",
        "/api/v1/httpcomms/facets/",
        "/api/v1/httpcomms/histogram/",
        *addresses(traffic),
    ]:
        assert error(client, path, 401)["code"] == "not_authenticated", path


def test_a_scope_holds_on_every_read(as_bob: Client, as_charlie: Client, traffic: Traffic) -> None:
    assert search(as_bob)["total"] == 4
    assert search(as_charlie)["total"] == 0
    assert as_charlie.get("/api/v1/httpcomms/histogram/").json()["buckets"] == []
    facets = as_charlie.get("/api/v1/httpcomms/facets/").json()["facets"]
    assert not any(value["count"] for facet in facets for value in facet["values"])
    for path in addresses(traffic):
        assert as_bob.get(path).status_code == 200, path
        assert error(as_charlie, path, 404)["code"] == "not_found", path


def test_a_body_is_decoded_or_raw(as_alice: Client, traffic: Traffic) -> None:
    path = f"/api/v1/httpcomms/{traffic.order}/bodies/res/"
    assert as_alice.get(path).content == ORDER
    assert gzip.decompress(as_alice.get(path, {"form": "raw"}).content) == ORDER
    assert error(as_alice, path, 400, form="pretty")["field"] == "form"
    assert as_alice.get(f"/api/v1/httpcomms/{traffic.order}/bodies/req/").content == ORDER


def test_a_body_is_never_served_as_something_that_runs(as_alice: Client, traffic: Traffic) -> None:
    response = as_alice.get(f"/api/v1/httpcomms/{traffic.html}/bodies/res/")
    assert response.content == HTML
    assert response["Content-Type"] == "application/octet-stream"
    assert response["Content-Disposition"].startswith("attachment;")
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Security-Policy"] == "sandbox; default-src 'none'"


@pytest.mark.parametrize("path", ["bodies/req/", "bodies/other/"])
def test_a_body_that_is_not_there_is_not_found(as_alice: Client, traffic: Traffic, path: str) -> None:
    error(as_alice, f"/api/v1/httpcomms/{traffic.html}/{path}", 404)


def test_a_body_that_was_not_kept_says_so(as_alice: Client, traffic: Traffic) -> None:
    document_store().drop_day("httpbodies", "20261122", "default")
    refused = error(as_alice, f"/api/v1/httpcomms/{traffic.order}/bodies/res/", 404)
    assert "not kept" in refused["message"]


def test_packets_that_were_not_kept_say_so(as_alice: Client, traffic: Traffic) -> None:
    document_store().drop_day("packets", "20261122", "default")
    assert "not kept" in error(as_alice, f"/api/v1/httpcomms/{traffic.order}/pcap/", 404)["message"]


def test_the_packets_of_a_session_are_listed(as_alice: Client, traffic: Traffic) -> None:
    path = f"/api/v1/tcpsessions/{traffic.session}/packets/"
    found = as_alice.get(path).json()
    first, second = found["packets"][:2]
    assert (first["direction"], first["flags"], first["seq"], first["ack"]) == ("client", ["SYN"], 0, None)
    assert (second["direction"], second["flags"], second["seq"], second["ack"]) == ("server", ["SYN", "ACK"], 0, 1)
    assert sum(packet["length"] for packet in found["packets"]) > len(ORDER)
    assert not found["truncated"]
    some = as_alice.get(path, {"size": "3"}).json()
    assert (len(some["packets"]), some["total"], some["truncated"]) == (3, found["total"], True)


def test_a_session_holds_its_own_packets_alone(as_alice: Client, traffic: Traffic) -> None:
    found = packets.decode(records.read(as_alice.get(f"/api/v1/tcpsessions/{traffic.session}/pcap/").content))
    assert {frozenset((int(a), int(b))) for a, b in zip(found.sport, found.dport, strict=True)} == {
        frozenset((40000, 8080))
    }


def test_the_pcap_of_a_communication_holds_its_own_time_alone(as_alice: Client, traffic: Traffic) -> None:
    order = packets.decode(records.read(as_alice.get(f"/api/v1/httpcomms/{traffic.order}/pcap/").content))
    html = packets.decode(records.read(as_alice.get(f"/api/v1/httpcomms/{traffic.html}/pcap/").content))
    assert len(order)
    assert len(html)
    assert order.ts.max() < html.ts.min()


def test_tshark_reads_the_request_out_of_the_pcap(as_alice: Client, traffic: Traffic, tmp_path: Path) -> None:
    tshark = shutil.which("tshark")
    assert tshark, "tshark is missing: make test installs it"
    file = tmp_path / "one.pcap"
    file.write_bytes(as_alice.get(f"/api/v1/httpcomms/{traffic.order}/pcap/").content)
    command = [
        tshark,
        "-r",
        str(file),
        "-Y",
        "http",
        "-T",
        "fields",
        "-e",
        "http.request.method",
        "-e",
        "http.response.code",
    ]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert shown == ["POST", "503"]


def test_a_flow_key_is_the_same_from_both_ends() -> None:
    one, two = {"ip": "10.0.0.2", "port": 80}, {"ip": "10.0.0.1", "port": 40000}
    assert evidence.flow_key(one, two) == evidence.flow_key(two, one) == bytes.fromhex("040a0000019c400a0000020050")
    assert len(evidence.flow_key({"ip": "2001:db8::1", "port": 1}, {"ip": "2001:db8::2", "port": 2})) == 37


def test_the_timeline_counts_by_status_class(as_alice: Client, traffic: Traffic) -> None:
    line = as_alice.get("/api/v1/httpcomms/histogram/", {"buckets": "10"}).json()
    assert sum(bucket["total"] for bucket in line["buckets"]) == 4
    assert sum(bucket["counts"].get("2xx", 0) for bucket in line["buckets"]) == 2
    assert sum(bucket["counts"].get("5xx", 0) for bucket in line["buckets"]) == 1


def test_facets_count_values(as_alice: Client, traffic: Traffic) -> None:
    path = "/api/v1/httpcomms/facets/"
    facets = as_alice.get(path, {"field": ["stats.statusClass", "req.host"], "q": "req.method:GET"}).json()["facets"]
    assert facets[0]["values"] == [{"value": "2xx", "term": "2xx", "count": 2}]
    assert (facets[0]["missing"], facets[0]["others"]) == (1, 0)
    assert {value["value"]: value["count"] for value in facets[1]["values"]} == {"shop.example": 2, "cdn.example": 1}
    assert error(as_alice, path, 400, field="nothing")["field"] == "field"


def test_a_store_that_is_away_is_said_so(as_alice: Client, traffic: Traffic, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object, **__: object) -> None:
        raise StoreUnavailable("connection refused")

    monkeypatch.setattr(document_store(), "search", away)
    assert error(as_alice, "/api/v1/httpcomms/", 503)["code"] == "store_unavailable"
    page = as_alice.get("/")
    assert page.status_code == 503
    assert "Search is away; capture goes on" in page.content.decode()


def test_documents_are_as_the_schema_says(as_alice: Client, alice: User, traffic: Traffic) -> None:
    schema = as_alice.get("/api/schema/", {"format": "json"}).json()
    answers = {
        "Page": search(as_alice),
        "TcpSession": as_alice.get(f"/api/v1/tcpsessions/{traffic.session}/").json(),
        "Packets": as_alice.get(f"/api/v1/tcpsessions/{traffic.session}/packets/").json(),
        "Facets": as_alice.get("/api/v1/httpcomms/facets/").json(),
        "Timeline": as_alice.get("/api/v1/httpcomms/histogram/").json(),
    }
    names = schema["components"]["schemas"]
    for name, answer in answers.items():
        assert name in names
        jsonschema.validate(
            answer, {"$ref": f"#/components/schemas/{name}", "components": nullable(schema["components"])}
        )


def nullable(schema: Any) -> Any:
    """OpenAPI 3.0 says `nullable` where JSON Schema has a second type."""
    if isinstance(schema, list):
        return [nullable(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: nullable(value) for key, value in schema.items()}
    return made | {"type": [made["type"], "null"]} if made.get("nullable") is True and "type" in made else made


@pytest.mark.parametrize("id", ["a\0b", "%00", "..%2e", "'", "*", "\u2028", "x" * 3000])
def test_an_address_with_any_id_is_no_address(as_alice: Client, traffic: Traffic, id: str) -> None:
    for known in addresses(traffic):
        path = known.replace(traffic.order, quote(id)).replace(traffic.session, quote(id))
        assert as_alice.get(path).status_code == 404, path
    assert as_alice.get(f"/captures/{quote(id)}/").status_code == 404


@pytest.mark.parametrize("path", ["/", "/rows/", "/facets/", "/api/v1/httpcomms/", "/api/v1/httpcomms/histogram/"])
@pytest.mark.parametrize("date", ["now-999999w", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_range_may_begin_or_end_at_any_date(as_alice: Client, traffic: Traffic, path: str, date: str) -> None:
    for name in ("from", "to"):
        assert as_alice.get(path, {name: date}).status_code in (200, 400)


def test_a_cursor_that_somebody_wrote_is_refused(as_alice: Client, traffic: Traffic) -> None:
    for value in ("x", 1 << 63, True, 1e308):
        after = encode(Cursor("-date", value, "x", 1, False))
        assert error(as_alice, "/api/v1/httpcomms/", 400, after=after)["field"] == "after"


@pytest.mark.parametrize(
    ("path", "statuses"),
    [
        ("/api/v1/httpcomms/{id}/bodies/{side}/", {"200", "400", "401", "404", "503"}),
        ("/api/v1/httpcomms/{id}/pcap/", {"200", "401", "403", "404", "413", "503"}),
        ("/api/v1/tcpsessions/{id}/packets/", {"200", "400", "401", "403", "404", "413", "503"}),
        ("/api/v1/tcpsessions/{id}/pcap/", {"200", "401", "403", "404", "413", "503"}),
    ],
)
def test_the_description_names_every_status(as_alice: Client, path: str, statuses: set[str]) -> None:
    schema = as_alice.get("/api/schema/?format=json").json()
    assert set(schema["paths"][path]["get"]["responses"]) == statuses


@pytest.mark.parametrize(("reason", "words"), [("type", "content type is not among"), ("off", "saves no bodies")])
def test_of_a_body_that_was_left_out_the_reason_is_told(reason: str, words: str) -> None:
    comm = {"id": "20261122-default-0000000000000001-q0", "res": {"body": {"size": 5, "leftOut": reason}}}
    with pytest.raises(ApplicationError, match=words) as raised:
        evidence.body(EVERYTHING, comm, "res")
    assert raised.value.status_code == 404
