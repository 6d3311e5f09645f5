"""The description of the API: whole, valid, without a warning, and every operation says what it is and answers."""

from typing import Any

import pytest
from django.core.management import call_command
from drf_spectacular.generators import SchemaGenerator

METHODS = {"get", "post", "put", "patch", "delete", "head", "options"}


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return dict(SchemaGenerator().get_schema(public=True))


def operations(schema: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{method.upper()} {path}", operation)
        for path, item in schema["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    ]


def test_it_is_valid_and_nothing_is_guessed(tmp_path: Any) -> None:
    call_command("spectacular", validate=True, fail_on_warn=True, file=str(tmp_path / "schema.yaml"))
    assert (tmp_path / "schema.yaml").stat().st_size > 100_000


def test_every_operation_has_a_name_of_its_own_a_summary_and_answers(schema: dict[str, Any]) -> None:
    found = operations(schema)
    names = [operation["operationId"] for _, operation in found]
    assert len(names) == len(set(names)) > 60
    for name, operation in found:
        assert operation.get("summary"), name
        assert any(status.startswith("2") for status in operation["responses"]), name
        assert any(status.startswith("4") for status in operation["responses"]), name


def test_people_and_programs_open_the_same_doors(schema: dict[str, Any]) -> None:
    for name, operation in operations(schema):
        ways = {way for one in operation.get("security", []) for way in one}
        assert ("session" in ways) == ("serviceToken" in ways), name
