"""`make conformance`: print the table; exit status 1 where a difference has no reason."""

import sys

from tests.conformance import compare
from tests.conformance.corpus import ABSENT, FOLDER, captures
from tests.conformance.explained import EVADER_FOUND, EXPLAINED
from tests.conformance.table import HEADING, named, rows


def main() -> int:
    """Compare everything and say how it went."""
    if not FOLDER.is_dir():
        print(f"Skipped: {ABSENT}.")
        return 0
    print(HEADING)
    table = rows()
    for row in table:
        print(row)
    evaders = captures("http-evader")
    found = sum(compare.evaded(file) for file in evaders)
    print(f"{'http-evader':16}{len(evaders):>9}{len(evaders):>10}{found:>7}")
    for row in table:
        for result in row.results:
            for line in result.differences:
                reason = EXPLAINED.get(named(result.file), {}).get(line)
                print(f"\n{named(result.file)}\n  {line}\n  {reason or 'UNEXPLAINED'}")
    unexplained = [line for row in table for line in row.unexplained]
    print(f"\n{len(unexplained)} differences without a reason; http-evader: {found}, at least {EVADER_FOUND} expected.")
    return 1 if unexplained or found < EVADER_FOUND else 0


if __name__ == "__main__":
    sys.exit(main())
