"""What the headers of uploads may hold; the whole protocol is tried in tests/flows/uploads/."""

import pytest

from apps.captures import tus
from apps.core.errors import ApplicationError


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ({"filename": "a.pcap"}, "a.pcap"),
        ({"name": "a.pcap"}, "a.pcap"),
        ({"filename": "../../etc/passwd"}, "passwd"),
        ({"filename": "C:\\captures\\a.pcap"}, "a.pcap"),
        ({"filename": "a\n\x00\u202eb.pcap"}, "ab.pcap"),
        ({"filename": "x" * 300}, "x" * 255),
        ({"filename": "folder/"}, "capture"),
        ({}, "capture"),
    ],
)
def test_names_of_files(said: dict[str, str], name: str) -> None:
    assert tus.file_name(said) == name


def test_metadata() -> None:
    assert tus.metadata({"Upload-Metadata": "filename w7xiZXI=, empty,whisperer  MQ=="}) == {
        "filename": "über",
        "empty": "",
        "whisperer": "1",
    }
    assert tus.metadata({}) == {}
    with pytest.raises(ApplicationError, match="Upload-Metadata"):
        tus.metadata({"Upload-Metadata": "filename /w=="})  # not UTF-8


def test_the_length_of_a_body() -> None:
    assert tus.body_length({"Content-Length": "7"}) == 7
    assert tus.body_length({"Content-Length": ""}) == 0
    assert tus.body_length({}) == 0
    with pytest.raises(ApplicationError) as refused:
        tus.body_length({"Transfer-Encoding": "chunked"})
    assert refused.value.status_code == 411


@pytest.mark.parametrize("value", ["zz", "a" * 63, "g" * 64])
def test_a_digest_that_is_none(value: str) -> None:
    with pytest.raises(ApplicationError, match="sha256"):
        tus.expected({"sha256": value})


@pytest.mark.parametrize(("value", "found"), [("1795650855677", 1795650855677), ("-1", 0), ("soon", 0), ("9" * 40, 0)])
def test_a_date_of_change(value: str, found: int) -> None:
    assert tus.modified({"modified": value}) == found
