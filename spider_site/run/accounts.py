"""Who a server runs as. PostgreSQL and Elasticsearch refuse to run as root, so root lends them to `nobody`.

`nobody` must be able to pass through the folders above a server's data and program. Root opens those folders for
passing (o+x, not for listing) and says so: nothing else on the machine is changed, and no user is added.
"""

from __future__ import annotations

import os
import pwd
from pathlib import Path
from typing import Any

from spider_site.run.console import StartError, say

UNPRIVILEGED = "nobody"


def popen_options() -> dict[str, Any]:
    """Arguments for `subprocess.Popen` that make a server run unprivileged; empty for an ordinary user."""
    if os.geteuid() != 0:
        return {}
    return {"user": _account().pw_uid, "group": _account().pw_gid, "extra_groups": []}


def hand_over(folder: Path) -> None:
    """Make `folder` (created if missing), and as root give it to the unprivileged user, reachable."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if os.geteuid() != 0:
        return
    account = _account()
    if folder.stat().st_uid != account.pw_uid:
        os.chown(folder, account.pw_uid, account.pw_gid)
    open_parents(folder)


def lend(descriptor: int) -> None:
    """As root, give an open file or pipe to the unprivileged user."""
    if os.geteuid() == 0:
        os.fchown(descriptor, _account().pw_uid, _account().pw_gid)


def open_parents(path: Path) -> None:
    """As root, let other users pass (not list) the folders above `path`."""
    if os.geteuid() != 0:
        return
    for parent in path.resolve().parents:
        state = parent.stat()
        if not state.st_mode & 0o001 and state.st_uid != _account().pw_uid:
            parent.chmod(state.st_mode | 0o001)
            say(f"  ({parent} may now be passed through by other users: servers must not run as root)")


def _account() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(UNPRIVILEGED)
    except KeyError:
        raise StartError(f"there is no user {UNPRIVILEGED} to run servers as; start as an ordinary user") from None
