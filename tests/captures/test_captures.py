"""The capture builder is right in the eyes of a reader that is not ours."""

import shutil
import subprocess
from pathlib import Path

import pytest

from apps.captures.sample import frames as link_types
from tests.captures import SERVER, Capture, Frame, Pcapng, frames, request, response

pytestmark = pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")

LINKS = ["ETHERNET", "LINUX_SLL", "LINUX_SLL2", "NULL", "LOOP", "RAW"]
CHECKS = ["-o", "ip.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE"]


def tshark(data: bytes, folder: Path, *fields: str, show: str = "") -> list[list[str]]:
    """The values of `fields` in every packet that tshark shows."""
    file = folder / "capture"
    file.write_bytes(data)
    command = ["tshark", "-n", "-r", str(file), *CHECKS, "-T", "fields", "-E", "separator=|"]
    if show:
        command += ["-Y", show]
    for field in fields:
        command += ["-e", field]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [line.split("|") for line in done.stdout.splitlines()]


def exchange(capture: Capture, client: str = "10.0.0.1:40000", server: str = "10.0.0.2:80") -> Capture:
    talk = capture.conversation(client, server).connect().request(request("GET", "/a"))
    talk.response(response(200, [("Content-Type", "text/plain")], b"x" * 3000, chunked=True, coding="gzip"))
    talk.close()
    return capture


@pytest.mark.parametrize("ends", [("10.0.0.1:40000", "10.0.0.2:80"), ("[2001:db8::1]:40000", "[2001:db8::2]:80")])
@pytest.mark.parametrize("link", LINKS)
def test_an_exchange_on_every_link(link: str, ends: tuple[str, str], tmp_path: Path) -> None:
    capture = exchange(Capture(link=getattr(link_types, link)), *ends)
    found = tshark(capture.pcap(), tmp_path, "http.request.method", "http.response.code", show="http")
    assert found == [["GET", ""], ["", "200"]]
    bad = "ip.checksum.status == 0 or tcp.checksum.status == 0 or _ws.malformed or tcp.analysis.flags"
    assert tshark(capture.pcap(), tmp_path, "frame.number", show=bad) == []


@pytest.mark.parametrize("vlans", [(5,), (7, 5)])
@pytest.mark.parametrize("link", ["ETHERNET", "LINUX_SLL", "LINUX_SLL2"])
def test_vlan_tags(link: str, vlans: tuple[int, ...], tmp_path: Path) -> None:
    capture = exchange(Capture(link=getattr(link_types, link), vlans=vlans))
    found = tshark(capture.pcap(), tmp_path, "ieee8021ad.id", "vlan.id", show="http.request")
    assert [tag for tag in found[0] if tag] == [str(vlan) for vlan in vlans]


@pytest.mark.parametrize("big_endian", [False, True])
def test_files_of_every_kind_hold_the_same(big_endian: bool, tmp_path: Path) -> None:
    capture = exchange(Capture())
    files = [capture.pcap(big_endian=big_endian, nano=nano) for nano in (True, False)]
    files += [capture.pcapng(big_endian=big_endian, resolution=resolution) for resolution in (None, 6, 9, 0x80 | 20)]
    found = [tshark(file, tmp_path, "frame.time_epoch", "frame.len") for file in files]
    assert [[row[1] for row in rows] for rows in found] == [[row[1] for row in found[0]]] * len(files)
    assert abs(float(found[-1][5][0]) - float(found[0][5][0])) < 2e-6


def test_interfaces_sections_and_other_blocks(tmp_path: Path) -> None:
    frame = exchange(Capture()).frames()[0]
    raw = Frame(frame.time, frame.data[14:], frame.length - 14)
    file = Pcapng().section(comment=b"made").interface(link_types.ETHERNET).interface(link_types.RAW, offset=10)
    file.block(0x7777, b"what").secrets(b"CLIENT_RANDOM 00 00\n").packet(frame).packet(raw, 1, offset=10)
    file.section(big_endian=True).interface(link_types.ETHERNET, resolution=9).packet(frame).simple_packet(frame)
    rows = tshark(file.data(), tmp_path, "tcp.srcport", "frame.time_epoch")
    assert [row[0] for row in rows] == ["40000"] * 4
    assert [float(row[1]) for row in rows[:3]] == [1700000000.0] * 3


def test_what_goes_wrong_is_seen(tmp_path: Path) -> None:
    capture = Capture()
    talk = capture.conversation("10.0.0.1:40000", "10.0.0.2:80").connect().request(b"a" * 3000)
    talk.response(b"b" * 3000).retransmit(-3).wait(1).reorder(1).lose(-1).keep_alive(SERVER).close()
    seen = {
        name: len(tshark(capture.pcap(), tmp_path, "frame.number", show="tcp.analysis." + name))
        for name in ("out_of_order", "lost_segment", "keep_alive")
    }
    assert seen["out_of_order"] >= 1
    assert seen["lost_segment"] >= 1
    assert seen["keep_alive"] == 1


@pytest.mark.parametrize("ends", [("10.0.0.1:40000", "10.0.0.2:80"), ("[2001:db8::1]:40000", "[2001:db8::2]:80")])
def test_fragments_come_together_again(ends: tuple[str, str], tmp_path: Path) -> None:
    capture = Capture()
    capture.conversation(*ends).connect().request(request("POST", "/a", body=b"x" * 1000)).fragment(-1, 256).close()
    assert tshark(capture.pcap(), tmp_path, "http.request.uri", show="http.request") == [["/a"]]
    assert tshark(capture.pcap(), tmp_path, "frame.number", show="tcp.checksum.status == 0") == []


def test_a_cut_packet_keeps_its_length() -> None:
    capture = Capture()
    capture.conversation("10.0.0.1:1", "10.0.0.2:80").request(b"x" * 500).cut(-1, 100)
    frame = capture.frames()[0]
    assert (len(frame.data), frame.length) == (100, 554)


def test_the_same_story_gives_the_same_file() -> None:
    assert exchange(Capture()).pcap() == exchange(Capture()).pcap()
    assert frames.checksum(b"abc") == 0xFFFF - (0x6162 + 0x6300)
