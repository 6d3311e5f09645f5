"""What is said of a query that is being written."""

import pytest
from hypothesis import given

from apps.core.errors import ApplicationError
from apps.httpcomms import verdict
from tests.apps.httpcomms.test_caret import odd_text


@pytest.mark.parametrize(
    ("text", "short", "position", "mended"),
    [
        ("req.metod:POST", "no field req.metod", 0, "req.method:POST"),
        ("  a:1 AND statusCode:1", "no field a", 2, None),
        ("req.method:POST AND statusCode:500", "no field statusCode", 20, "req.method:POST AND stats.statusCode:500"),
        ("req.method:POST AND req.host:", "value missing", 29, None),
        ("req.host: AND req.method:POST", "value missing", 9, None),
        ("stats.statusCode:>=", "value missing", 19, None),
        ("(req.method:POST", ") missing", 16, "(req.method:POST)"),
        ("req.method:POST)", "stray )", 15, "req.method:POST"),
        ("req.method:POST AND", "condition missing", 19, "req.method:POST"),
        ("req.method:POST AND NOT ", "condition missing", 23, "req.method:POST"),
        ('req.path:"a', "quote not closed", 9, 'req.path:"a"'),
        ("stats.duration:fast", "not a number", 15, None),
        ("date:soon", "not a date", 5, None),
        ("req.body.truncated:1", "not true or false", 19, None),
    ],
)
def test_what_is_wrong_is_said_in_short(text: str, short: str, position: int, mended: str | None) -> None:
    valid, said = verdict.check(text)
    assert not valid
    assert said is not None
    assert (said.short, said.position) == (short, position)
    assert _mended(text, said) == mended


@pytest.mark.parametrize(
    ("text", "short", "mended"),
    [
        ("req.method:POST AND stats.src.name", "value missing", "req.method:POST AND stats.src.name:"),
        ("req.method:POST and payments", "“and” is a word here", "req.method:POST AND payments"),
    ],
)
def test_what_is_hardly_meant_is_said(text: str, short: str, mended: str) -> None:
    valid, said = verdict.check(text)
    assert valid
    assert said is not None
    assert (said.short, _mended(text, said)) == (short, mended)


@pytest.mark.parametrize("text", ["", "payments", "req.method:and", "req.template:(sand and sea)", "and", "api.shop"])
def test_what_is_meant_is_left_alone(text: str) -> None:
    assert verdict.check(text)[0]
    assert text.endswith("sea)") or verdict.check(text)[1] is None


def _mended(text: str, said: verdict.Verdict) -> str | None:
    if said.correction is None:
        return None
    return text[: said.start] + said.correction + text[said.finish :]


@given(odd_text)
def test_anything_gets_a_verdict(text: str) -> None:
    try:
        valid, said = verdict.check(text)
    except ApplicationError:
        return
    assert valid or (said is not None and said.short)
    if said is not None:
        assert 0 <= said.position <= len(text)
        assert 0 <= said.start <= said.finish <= len(text)
