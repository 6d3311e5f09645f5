"""Every code that the parsers can note has its line, and every line of TCP and HTTP is a code that can be noted."""

import re
from pathlib import Path

from wire.anomalies import ANOMALIES

ROOT = Path(__file__).parents[2]


def test_every_code_has_a_meaning() -> None:
    sources = [ROOT / "wire/tcp.py", *(ROOT / "wire/http1").glob("*.py")]
    text = "\n".join(path.read_text() for path in sources)
    noted = set(re.findall(r'(?:note|append)\(\s*"([a-z][A-Za-z]+)"', text))
    assert noted
    assert noted <= set(ANOMALIES)


def test_meanings_are_sentences() -> None:
    assert all(meaning[0].isupper() and meaning.endswith(".") for meaning in ANOMALIES.values())
