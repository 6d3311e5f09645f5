"""The commands of the agent as a service: `enrol` joins a whisperer once, `run` works for it."""

from __future__ import annotations

import argparse
import os
import pwd
import socket
import sys
from collections.abc import Sequence

from agent import VERSION, host, keys, privileges
from agent.api import Api
from agent.control import enrol
from agent.errors import STATUSES, AgentError
from agent.keys import Keys, KeysFile
from agent.options import server_address
from agent.service import Service

COMMANDS = ("enrol", "run")


def main(arguments: Sequence[str]) -> int:
    """Run one of the commands; returns its exit status."""
    options = _parser().parse_args(arguments)
    try:
        return _enrol(options) if options.command == "enrol" else _run(options)
    except AgentError as error:
        say("error: " + str(error))
        return error.status
    except KeyboardInterrupt:
        return 130


def say(text: str) -> None:
    print("spider agent: " + text, file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="spider-agent", epilog=STATUSES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--version", action="version", version="spider agent " + VERSION)
    commands = parser.add_subparsers(dest="command", required=True)
    add = commands.add_parser("enrol", help="join a whisperer with an enrolment token").add_argument
    add("--server", required=True, metavar="URL", help="address of the Spider server")
    add("--token", default=os.environ.get("SPIDER_TOKEN", ""), help="the enrolment's token (or SPIDER_TOKEN)")
    add("--name", default=socket.gethostname(), help="name of this host (default: %(default)s)")
    add("--config", default="", metavar="FILE", help=f"where the keys are kept (default: {keys.default_path()})")
    add = commands.add_parser("run", help="work as the server says, until stopped or revoked").add_argument
    add("--config", default="", metavar="FILE", help="the file that enrol made")
    add("--spool", default="", metavar="FOLDER", help="where chunks wait on disk, if the configuration allows any")
    add("--user", default="", help="whom root becomes (default: the owner of the keys, or nobody)")
    return parser


def _enrol(options: argparse.Namespace) -> int:
    path = os.path.abspath(options.config or keys.default_path())
    server = server_address(options.server)
    if not options.token:
        raise AgentError("a token is needed: --token T, or the environment variable SPIDER_TOKEN")
    before = keys.load(path)
    told = {"name": options.name[:200], "version": VERSION, "interfaces": host.interfaces(), "system": host.system()}
    if before is not None and before.server == server:
        told.update(instance=before.instance, proof=before.read_key)
    said = enrol(Api(server, lambda: str(options.token)), told)
    names = ("instance", "whisperer", "mode", "upload_key", "read_key")
    keys.save(path, Keys(server=server, name=options.name[:200], **{name: str(said[name]) for name in names}))
    say(f"enrolled as {options.name}; the keys are in {path}")
    return 0


def _run(options: argparse.Namespace) -> int:
    file = KeysFile(options.config or keys.find())
    spool = options.spool or _spool_folder(file.keys.instance)
    if os.geteuid() == 0:
        to = privileges.user(options.user, file.owner)
        _give_spool(spool, to)
        problem = privileges.drop(to, raw=file.keys.mode != "FILE")
        say(problem or f"running as {to.pw_name}")
    say(f"agent {VERSION} of {file.keys.name} for {file.keys.server}")
    return Service(file, spool, say).run()


def _spool_folder(instance: str) -> str:
    """The StateDirectory of systemd, the system's place for root, the user's for others."""
    state = os.environ.get("STATE_DIRECTORY", "").partition(":")[0]
    if not state and os.geteuid() == 0:
        state = "/var/lib/spider-agent"
    home = os.environ.get("XDG_STATE_HOME") or os.path.join(os.path.expanduser("~"), ".local", "state")
    return os.path.join(state or os.path.join(home, "spider-agent"), instance)


def _give_spool(folder: str, to: pwd.struct_passwd) -> None:
    """The spool belongs to whom we become; what an earlier run left in it too."""
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        for place, _, files in os.walk(folder):
            for path in (place, *(os.path.join(place, name) for name in files)):
                os.chown(path, to.pw_uid, to.pw_gid, follow_symlinks=False)
    except OSError as error:
        say(f"no spool in {folder}: {error.strerror or error}")
