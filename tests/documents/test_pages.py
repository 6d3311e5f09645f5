"""Pages of bodies: what was put in comes out, and nothing else is taken for a page."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from documents import pages
from documents.pages import Body, BodyPage, PageError


def about(number: int) -> dict[str, str]:
    return {"encoding": "gzip" if number % 2 else "", "contentType": f"text/{number}"}


@given(st.lists(st.binary(max_size=50), max_size=20))
def test_bodies_come_out_as_they_went_in(bodies: list[bytes]) -> None:
    page = BodyPage("c1", 3, 17)
    blobs = [blob for n, data in enumerate(bodies) for blob in page.add([(f"id{n}", data, about(n))], n + 1, n + 5)]
    blobs += page.flush()
    assert len(blobs) == (1 if bodies else 0)
    for number, data in enumerate(bodies):
        assert pages.read(blobs[0], f"id{number}") == Body(data, about(number)["encoding"], f"text/{number}")
    if bodies:
        header = pages.header(blobs[0])
        assert (header["capture"], header["partition"], header["chunk"]) == ("c1", 3, 17)
        assert (header["first"], header["last"]) == (1, len(bodies) + 4)
        assert pages.read(blobs[0], "nothing") is None


def test_a_page_is_bounded_and_one_large_body_has_its_own() -> None:
    page = BodyPage("c1", 0, 1)
    sizes = [400_000, 400_000, 400_000, 3_000_000, 10]
    blobs = [blob for n, size in enumerate(sizes) for blob in page.add([(f"id{n}", bytes(size), about(n))], 1, 2)]
    blobs += page.flush()
    assert [[entry[0] for entry in pages.header(blob)["bodies"]] for blob in blobs] == [
        ["id0", "id1"],
        ["id2"],
        ["id3"],
        ["id4"],
    ]
    found = pages.read(blobs[2], "id3")
    assert found is not None
    assert len(found.data) == 3_000_000


@pytest.mark.parametrize(
    "blob", [b"", b"\x00\x00\x00\x05{}", b"\x00\x00\x00\x02{}", b"\xff\xff\xff\xff", b"\x00\x00\x00\x02[]x"]
)
def test_what_is_no_page_is_said(blob: bytes) -> None:
    with pytest.raises(PageError):
        pages.read(blob, "id")


def test_damaged_data_is_said() -> None:
    page = BodyPage("c1", 0, 1)
    assert list(page.add([("id", b"body" * 100, about(0))], 1, 2)) == []
    [blob] = page.flush()
    for damaged in (blob[:-4], blob[:-20] + bytes(20), blob.replace(b"400", b"900")):
        with pytest.raises(PageError):
            pages.read(damaged, "id")


def test_a_part_has_the_bodies_that_are_wanted() -> None:
    page = BodyPage("c1", 3, 17)
    page.add([(f"id{n}", f"body {n}".encode(), about(n)) for n in range(5)], 1, 9)
    (blob,) = page.flush()
    found = pages.part(blob, lambda entry: entry in ("id1", "id4"))
    assert found is not None
    assert [(id, body.data, body.content_type) for id, body in pages.entries(found)] == [
        ("id1", b"body 1", "text/1"),
        ("id4", b"body 4", "text/4"),
    ]
    assert b"body 2" not in pages._data(found)
    assert pages.header(found) | {"bodies": 0} == pages.header(blob) | {"bodies": 0}
    assert pages.part(blob, lambda _: True) is blob
    assert pages.part(blob, lambda _: False) is None
    with pytest.raises(PageError):
        pages.part(b"nothing", lambda _: True)
