"""`make chaos`: each fault while a made capture goes through at full speed; a table, and 1 if anything is wrong."""

import argparse
import os
import shutil
import sys
from collections.abc import Iterator

from tests.bench.generate import Parameters, made
from tests.chaos import live
from tests.chaos.faults import FAULTS, Fault
from tests.chaos.judge import Wanted, wanted
from tests.chaos.runs import HEAD, Row, by_world, chosen, line, run
from tests.chaos.world import World


def main() -> int:
    """Run what is asked for."""
    options = _options()
    words = [word.strip() for word in options.only.split(",") if word.strip()]
    faults = chosen(words, options.store)
    if not faults:
        print(f"no fault of that name; there are {', '.join(FAULTS)}")
        return 2
    capture = made(Parameters(packets=options.packets, open_sessions=600, seed=options.seed))
    print(f"{capture.figures['packets']:,} packets, {capture.figures['exchanges']:,} exchanges; "
          f"{len(faults)} faults, pauses of {options.pause:g} s", flush=True)  # fmt: skip
    rows: list[Row] = []
    whole: Wanted | None = None
    for kind, group in by_world(faults):
        missing = _missing(kind)
        if missing:
            rows += [Row(one.name, notes=[missing]) for one in group]
        while group and not missing:
            named = "elastic" if options.store == "elasticsearch" and kind == "plain" else kind
            with World(named, **(live.ENVIRONMENT if kind == "live" else {})) as world:
                print(f"\n--- a new world: {named}\n{HEAD}", flush=True)
                whole = whole or wanted(world, capture)
                rows += _in_world(world, group, whole, options.pause)
    print("\n".join(["", "=" * len(HEAD), HEAD, *map(line, rows)]))
    wrong = [row.fault for row in rows if not row.ok]
    print(f"\n{len(rows) - len(wrong)} of {len(rows)} faults changed nothing" + (f"; wrong: {wrong}" if wrong else ""))
    return 1 if wrong else 0


def _in_world(world: World, faults: list[Fault], whole: Wanted, pause: float) -> Iterator[Row]:
    """Do faults, and take them off the list, until one leaves a world that is not fit for the next."""
    while faults:
        fault = faults.pop(0)
        row = live.run(world, pause) if fault.kind == "live" else run(world, fault, whole, pause=pause)
        print(line(row), flush=True)
        yield row
        if not row.ok:
            print(world.product.logs(30), flush=True)
            return


def _options() -> argparse.Namespace:
    names = "\n".join(f"  {one.name:<21} {one.says}" for one in FAULTS.values())
    parser = argparse.ArgumentParser(
        prog="make chaos ARGS=…", formatter_class=argparse.RawDescriptionHelpFormatter, description=__doc__,
        epilog=f"faults:\n{names}",
    )  # fmt: skip
    add = parser.add_argument
    add("--only", default="", metavar="NAMES", help="faults whose names begin so, by commas")
    add("--store", choices=("both", "postgres", "elasticsearch"), default="both",
        help="postgres: no fault of Elasticsearch; elasticsearch: all faults on it")  # fmt: skip
    add("--packets", type=int, default=300_000)
    add("--seed", type=int, default=7)
    add("--pause", type=float, default=60.0, metavar="S", help="how long what pauses does")
    add("--quick", action="store_true", help="a small capture and short pauses")
    options = parser.parse_args()
    if options.quick:
        options.packets, options.pause = min(options.packets, 100_000), min(options.pause, 12.0)
    return options


def _missing(kind: str) -> str:
    """What this machine lacks for a kind of world."""
    if kind == "live":
        return live.missing()
    if kind == "small" and os.geteuid() != 0:
        return "a small file system needs root"
    if kind == "clock" and shutil.which("cc") is None:
        return "needs a C compiler: apt-get install -y gcc libc6-dev"
    return ""


if __name__ == "__main__":
    sys.exit(main())
