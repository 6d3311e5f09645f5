"""Command line of the package: `python -m spider_site.run [start | elasticsearch | clean]`."""

from __future__ import annotations

import shutil
import sys

from spider_site import places
from spider_site.environment import SettingError, number
from spider_site.run import elasticsearch, start
from spider_site.run.console import StartError, say
from spider_site.run.records import Records

#: A data folder has at least one of these; anything else is not ours to remove.
OURS = ("lock", "secret-key", "elasticsearch", "bench")


def clean() -> None:
    """Remove the data folder; refused while a run uses it."""
    folder = places.data_folder()
    if not folder.exists():
        say(f"{folder} is not there: nothing to remove")
        return
    if not any((folder / name).exists() for name in OURS):
        raise StartError(f"{folder} does not look like Spider's data: not removed")
    records = Records(folder)
    records.lock()
    if (folder / "elasticsearch").exists():
        Records(folder / "elasticsearch").lock()
    for started in records.read().values():
        for process in started.members():
            process.kill()
            process.wait(10)
    shutil.rmtree(folder)
    say(f"removed {folder}")


def main() -> int:
    """Do what the first argument says; 1 with one clear text when a person has to put something right."""
    command = sys.argv[1] if len(sys.argv) > 1 else "start"
    try:
        if command == "start":
            start.main()
        elif command == "elasticsearch":
            elasticsearch.serve(places.data_folder(), number("SPIDER_ELASTICSEARCH_PORT"))
        elif command == "clean":
            clean()
        else:
            raise StartError(f"unknown command {command}: start, elasticsearch or clean")
    except (StartError, SettingError) as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
