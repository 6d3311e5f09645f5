"""What differs between two versions of a document is named by its fields."""

from typing import Any

import pytest

from documents.differences import changed_fields

OLD: dict[str, Any] = {
    "id": "1",
    "version": 1,
    "parserVersion": "1",
    "req": {"path": "/a", "headers": {"accept": ["x"]}},
    "res": {"status": 200, "interim": [{"status": 100}, {"status": 103}]},
    "stats": {"duration": 1.0, "tags": {"turn": ["1"]}},
}


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"version": 9, "parserVersion": "2"}, []),
        ({"stats": {"duration": 1, "tags": {"turn": ["1"]}}}, []),
        ({"req": {"path": "/b", "headers": {"accept": ["x"]}}}, ["req.path"]),
        ({"req": {"path": "/a", "headers": {"accept": ["x", "y"]}}}, ["req.headers"]),
        ({"res": {"status": 200, "interim": [{"status": 100}]}}, ["res.interim.status"]),
        ({"stats": {"duration": 2.0}}, ["stats.duration", "stats.tags"]),
        ({"req": {"path": "/a", "headers": {"accept": ["x"]}, "template": "t"}}, ["req.template"]),
        ({"res": None}, ["res.interim.status", "res.status"]),
    ],
)
def test_fields_that_differ_are_named(change: dict[str, Any], names: list[str]) -> None:
    assert sorted(changed_fields("httpcomms", OLD, OLD | change)) == names
    assert sorted(changed_fields("httpcomms", OLD | change, OLD)) == names
