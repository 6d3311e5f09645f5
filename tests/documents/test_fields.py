"""The field table says everything about every field, and documents hold nothing that it does not know."""

from typing import Any

import orjson
import pytest

from documents import build, fields
from documents.fields import CONTENT, FIELDS, PUBLIC
from tests.documents.examples import CONTEXT, communication, request, response, session
from wire.events import DirectionTotals, TcpSession

ALL = [
    pytest.param(resource, field, id=f"{resource}-{field.name}")
    for resource in FIELDS
    for field in FIELDS[resource].values()
]

#: Whoever may see a communication sees these. A new field is not public by accident: it has to be added here as well.
PUBLIC_FIELDS = """
id version whisperer instance interface capture chunk parserVersion date tcpSession protocol parsing.status
parsing.anomalies req.date req.method req.scheme req.host req.path req.httpVersion req.authorization.kind
req.authorization.login req.template req.contentType req.size req.body.size req.body.decodedSize req.body.encoding
req.body.truncated req.body.sha256 req.body.leftOut res.date res.status res.reason res.interim.date res.interim.status
res.interim.reason res.httpVersion res.contentType res.size res.body.size res.body.decodedSize res.body.encoding
res.body.truncated res.body.sha256 res.body.leftOut stats.src.ip stats.src.port stats.src.name stats.src.origin
stats.src.identification stats.src.identificationKind stats.dst.ip stats.dst.port stats.dst.name stats.statusCode
stats.statusClass stats.duration stats.timings.send stats.timings.wait stats.timings.receive stats.correlation
"""
PUBLIC_SESSION_FIELDS = """
id version whisperer instance interface capture chunk parserVersion date lastDate connected state end startSeen protocol
lastChunk communications parsing.anomalies
client.ip client.port client.name client.packets client.bytes client.parsed client.skipped client.gaps client.gapBytes
client.retransmitted server.ip server.port server.name server.packets server.bytes server.parsed server.skipped
server.gaps server.gapBytes server.retransmitted
"""
PUBLIC_HOST_FIELDS = "id version whisperer date lastDate ip name dnsName"
PUBLIC_MONITORING_FIELDS = """
id version whisperer date lastDate kind instance interface capture chunk what packets state reason outcome tried item
counters
"""


@pytest.mark.parametrize(("resource", "field"), ALL)
def test_every_field_is_described(resource: str, field: fields.Field) -> None:
    assert field.description.endswith(".")
    assert field.example
    assert field.type in ("keyword", "text", "long", "integer", "short", "ip", "date", "boolean", "double", "flattened")
    assert field.permission in (PUBLIC, CONTENT)
    assert FIELDS[resource][field.name] is field


def test_the_public_fields_are_these() -> None:
    def public(resource: str) -> set[str]:
        return {field.name for field in FIELDS[resource].values() if field.permission == PUBLIC}

    assert public("httpcomms") == set(PUBLIC_FIELDS.split())
    assert public("tcpsessions") == set(PUBLIC_SESSION_FIELDS.split())
    assert public("hosts") == set(PUBLIC_HOST_FIELDS.split())
    assert public("monitoring") == set(PUBLIC_MONITORING_FIELDS.split())


def test_columns_have_names_of_their_own() -> None:
    for resource in FIELDS:
        names = [field.column_name for field in fields.columns(resource)]
        assert len(names) == len(set(names))
        assert {"id", "version", "whisperer", "date"} <= set(names)
    assert FIELDS["httpcomms"]["stats.src.identificationKind"].column_name == "stats_src_identification_kind"


def leaves(value: Any, path: str = "") -> set[str]:
    if isinstance(value, dict):
        return {leaf for key, item in value.items() for leaf in leaves(item, f"{path}.{key}" if path else key)}
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return {leaf for item in value for leaf in leaves(item, path)}
    return {path}


def test_documents_hold_only_fields_of_the_table() -> None:
    comm = communication(
        request(
            "/a?b=c",
            "POST",
            {
                "host": ["h"],
                "authorization": ["Bearer eyJhIjoiYiJ9.eyJzdWIiOiJ4In0.s"],
                "x-request-id": ["r"],
                "content-type": ["text/plain"],
            },
            b"body",
            trailers={"x": ["y"]},
        ),
        response(201, {"location": ["/x"], "content-encoding": ["gzip"]}, b"body"),
        interim=[response(103, {"link": ["l"]})],
    )
    totals = DirectionTotals(skipped={"gap": 3})
    record = TcpSession(session(), 1, 2, 3, "closed", "fin", True, "http/1.1", 4, 1, totals, totals, [], 9)
    for document in (build.httpcomm(comm, CONTEXT), build.tcpsession(record, CONTEXT)):
        unknown = [
            leaf
            for leaf in leaves(orjson.loads(document.body))
            if leaf != "parsing.anomalies" and fields.find(document.resource, leaf) is None
        ]
        assert unknown == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("req.headers.X-Id", ("req.headers", "x-id")),
        ("req.params.Page", ("req.params", "Page")),
        ("req.headers.a.b", ("req.headers", "a.b")),
        ("req.headers", ("req.headers", None)),
        ("stats.tags.order", ("stats.tags", "order")),
        ("req.headers.", None),
        ("nothing", None),
        ("req", None),
        ("req.method.x", None),
    ],
)
def test_names_are_found_with_the_keys_inside_them(name: str, expected: tuple[str, str | None] | None) -> None:
    found = fields.find("httpcomms", name)
    assert (found and (found[0].name, found[1])) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("statusCode", "stats.statusCode"),
        ("req.metod", "req.method"),
        ("STATS.DURATION", "stats.duration"),
        ("xyz", None),
    ],
)
def test_a_mistyped_name_brings_the_near_one_to_mind(name: str, expected: str | None) -> None:
    assert fields.suggest("httpcomms", name) == expected
