"""Every capture of other projects gives the answers they know, or an explained other one.

Reads `../shared/corpus`; skipped, saying so, where that folder is absent.
"""

from collections import Counter
from pathlib import Path

import pytest

from tests.conformance import compare
from tests.conformance.corpus import ABSENT, FOLDER, captures, exchanges
from tests.conformance.explained import EVADER_FOUND, EXPLAINED
from tests.conformance.table import COMPARISONS, EMPTY, HEADING, files, named, rows
from wire.pcapfile import CaptureError

pytestmark = [pytest.mark.conformance, pytest.mark.skipif(not FOLDER.is_dir(), reason=ABSENT)]

FILES = [(folder, file) for folder in COMPARISONS for file in files(folder)]


@pytest.mark.parametrize(("folder", "file"), FILES, ids=[named(file) for _, file in FILES])
def test_a_capture_gives_what_others_find(folder: str, file: Path) -> None:
    differences = COMPARISONS[folder](file).differences
    reasons = EXPLAINED.get(named(file), {})
    assert Counter(differences) == Counter(line for line in differences if line in reasons)
    assert not set(reasons) - set(differences), "explained, but no longer so"


def test_an_empty_file_is_an_error() -> None:
    with pytest.raises(CaptureError, match="empty"):
        exchanges(FOLDER / EMPTY)


def test_odd_responses_are_found() -> None:
    assert sum(compare.evaded(file) for file in captures("http-evader")) >= EVADER_FOUND


def test_the_table_adds_up() -> None:
    table = rows()
    print("\n" + "\n".join([HEADING, *map(str, table)]))
    assert {len(str(row)) for row in table} == {len(HEADING)}
    assert [row.folder for row in table if not row.results] == []
