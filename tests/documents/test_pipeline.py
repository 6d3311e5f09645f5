"""What one process holds in memory is bounded, whatever is open at a time."""

import struct
from dataclasses import replace

from documents.pipeline import Pipeline
from tests.captures import Capture, pcap, request
from wire.events import Communication, TcpSession
from wire.limits import DEFAULT


def events(data: bytes, **limits: int) -> list[Communication | TcpSession]:
    pipeline = Pipeline("capture", "20261122", bytes(16), replace(DEFAULT, **limits))
    found = list(pipeline.piece(data))
    return found + list(pipeline.finish())


def flood(number: int) -> bytes:
    capture = Capture()
    for i in range(number):
        address = ".".join(map(str, struct.pack(">I", 0x0A000000 + i)))
        capture.conversation(f"{address}:40000", "192.168.0.1:80").connect().request(request("GET", f"/{i}"))
    return pcap(capture.frames(), 1)


def test_a_flood_of_sessions_ends_the_idlest_and_loses_no_request() -> None:
    found = events(flood(3000), open_sessions=1000)
    ends = [one.end for one in found if isinstance(one, TcpSession) and one.end]
    assert len(ends) == 3000
    assert 0 < ends.count("end") <= 1000
    assert ends.count("memory") == 3000 - ends.count("end")
    paths = {one.request.target for one in found if isinstance(one, Communication) and one.request and one.final}
    assert len(paths) == 3000


def test_bytes_that_wait_are_bounded_together() -> None:
    capture = Capture()
    talks = [capture.conversation(f"10.0.0.{i}:40000", "192.168.0.1:80").connect() for i in range(1, 11)]
    for talk in talks:
        talk.request(request("POST", "/", body=bytes(50_000))[:-1])
    data = pcap(capture.frames(), 1)
    pipeline = Pipeline("capture", "20261122", bytes(16), replace(DEFAULT, open_bytes=200_000))
    found = [one for _ in range(4) for one in pipeline.piece(data)]
    ended = {one.session.client.ip for one in found if isinstance(one, TcpSession) and one.end == "memory"}
    assert 6 <= len(ended) <= 9
    cut = [one.request for one in found if isinstance(one, Communication) and one.request and one.final]
    assert {message.body_size for message in cut} == {49_999}
