"""When open sessions take more memory than planned, the idlest end with that reason and the rest goes on."""

from collections.abc import Callable
from typing import Any

from tests.captures import Capture, request, response
from tests.flows.pump import Pump, cut_at


def test_the_idlest_sessions_end_when_memory_is_short(pump: Callable[..., Pump], settings: Any) -> None:
    settings.STATE_LIMIT = 0
    settings.PARTITIONS = 1
    capture = Capture()
    capture.conversation("10.0.0.1:40000", "10.0.0.2:80").connect().request(request("GET", "/silent"))
    busy = capture.conversation("10.0.0.3:40000", "10.0.0.2:80").connect()
    for number in range(20):
        busy.request(request("GET", f"/busy/{number}")).response(response(200, body=b"x")).wait(1)
    data = capture.pcap()
    pieces = cut_at(data, range(10, 1000, 10))
    run = pump("capture-memory")
    run.upload(pieces, range(len(pieces)))
    run.end(len(pieces) - 1)
    row = run.finish()
    ends = {one["client"]["ip"]: one["end"] for one in run.documents["tcpsessions"].values()}
    assert ends == {"10.0.0.1": "memory", "10.0.0.3": "end"}
    found = {one["req"]["path"]: one["parsing"]["status"] for one in run.documents["httpcomms"].values()}
    assert found.pop("/silent") == "noResponse"
    assert set(found.values()) == {"complete"}
    assert len(found) == 20
    assert row.totals["sessions.relieved"] == 1
