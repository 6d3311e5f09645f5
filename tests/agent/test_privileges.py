"""What becomes a user without rights may not be able to read its own Python any more: all it needs is loaded before."""

import subprocess
import sys

LATER = """
import sys
import agent.__main__, agent.commands, agent.service
from agent import host, privileges
from agent.api import Api, Failure

privileges._import_all()

class Unreadable:
    def find_spec(self, name, path=None, target=None):
        raise AssertionError(name + " is loaded when nothing can be read any more")

sys.meta_path.insert(0, Unreadable())
assert host.memory() > 0
assert host.seen("any") >= 0
assert host.interfaces()
assert host.system()
host.Processor().percent()
assert isinstance(Api("http://127.0.0.1:9", lambda: "spw_x").status("c", 0, ""), Failure)
assert isinstance(Api("https://localhost:9", lambda: "spw_x").status("c", 0, ""), Failure)
"""


def test_nothing_is_loaded_once_the_rights_are_gone() -> None:
    done = subprocess.run([sys.executable, "-c", LATER], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
