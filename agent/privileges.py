"""From root to a user who can do nothing but open packet sockets.

It happens before the first byte of the network is read. CAP_NET_RAW is kept, and nothing else: a configuration may name
another interface at any time, which takes a new socket. linux/capability.h, prctl(2), capabilities(7).
"""

from __future__ import annotations

import ctypes
import os
import pwd
import struct

from agent.errors import AgentError

_KEEP_CAPABILITIES, _NO_NEW_PRIVILEGES = 8, 38  # PR_SET_KEEPCAPS, PR_SET_NO_NEW_PRIVS
_VERSION_3 = 0x20080522
_NET_RAW = 1 << 13
#: Modules that are imported late by others, from places that a stranger may not read (a home, a zip in /root).
_LATER = (
    *("encodings.ascii", "encodings.idna", "encodings.latin_1", "stringprep", "unicodedata"),
    *("psutil", "compression.zstd", "zstandard", "ssl", "traceback"),
)


def user(name: str, owner: int) -> pwd.struct_passwd:
    """To whom to drop: the user named, else the owner of the keys, else nobody. Raises AgentError."""
    try:
        return pwd.getpwnam(name) if name else pwd.getpwuid(owner) if owner else pwd.getpwnam("nobody")
    except KeyError as error:
        raise AgentError(f"there is no user {name or owner or 'nobody'}: give --user") from error


def drop(to: pwd.struct_passwd, *, raw: bool) -> str:
    """Become a user, with CAP_NET_RAW if `raw`. Returns what could not be done, in words; must precede all threads."""
    _import_all()
    libc = ctypes.CDLL(None, use_errno=True)
    try:
        os.setgroups([])
        libc.prctl(_KEEP_CAPABILITIES, int(raw), 0, 0, 0)
        os.setresgid(to.pw_gid, to.pw_gid, to.pw_gid)
        os.setresuid(to.pw_uid, to.pw_uid, to.pw_uid)
    except PermissionError:
        return "this container forbids to change the user; going on as it is"
    libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    kept = _NET_RAW if raw else 0
    header = struct.pack("=Ii", _VERSION_3, 0)
    sets = struct.pack("=6I", kept, kept, 0, 0, 0, 0)  # effective, permitted, inheritable; twice 32 bits each
    if libc.capset(header, sets) != 0:
        return f"CAP_NET_RAW could not be kept: {os.strerror(ctypes.get_errno())}"
    return ""


def _import_all() -> None:
    for name in _LATER:
        try:
            __import__(name)
        except ImportError:
            continue
