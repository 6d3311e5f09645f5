"""The file in which a host keeps who it is: server, instance, and its two keys. Only its owner can read it.

It is opened before rights are dropped and written through that descriptor, so that keys can be changed by a user who
may not write the folder. All fits one page, written at once: a reader finds the old text or the new one.
"""

from __future__ import annotations

import fcntl
import json
import os
import pwd
import sys
from dataclasses import asdict, dataclass

from agent.errors import AgentError

#: The text is padded to this: shorter keys than before leave no rest behind.
PAGE = 4096
NAME = "agent.json"
SYSTEM_FOLDER = "/etc/spider-agent"


class KeysError(AgentError):
    """This host is not enrolled, or its keys cannot be read or written."""

    status = 7


@dataclass
class Keys:
    """What enrolment gave."""

    server: str
    instance: str
    whisperer: str
    name: str
    mode: str
    upload_key: str
    read_key: str


class KeysFile:
    """The keys, read from an open file that this program alone has."""

    def __init__(self, path: str) -> None:
        self.path = path
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.owner = os.fstat(self._file).st_uid
            self.keys = Keys(**json.loads(os.pread(self._file, PAGE, 0)))
        except FileNotFoundError as error:
            raise KeysError(f"this host is not enrolled: there is no {path}; run the enrol command first") from error
        except BlockingIOError as error:
            raise KeysError(f"another agent runs with {path}: end it, or give --config") from error
        except OSError as error:
            raise KeysError(f"{path} cannot be opened: {error.strerror or error}") from error
        except (ValueError, TypeError) as error:
            raise KeysError(f"{path} holds no keys of this version: enrol again") from error

    def change(self, upload_key: str, read_key: str) -> None:
        """Keep new keys, then use them. Raises OSError, and the old ones stay."""
        changed = Keys(**{**asdict(self.keys), "upload_key": upload_key, "read_key": read_key})
        _write(self._file, changed)
        self.keys = changed


def save(path: str, keys: Keys) -> None:
    """Make the file, readable by its owner alone. Raises KeysError."""
    half = path + ".half"
    try:
        os.makedirs(os.path.dirname(path) or ".", mode=0o700, exist_ok=True)
        file = os.open(half, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            os.fchmod(file, 0o600)
            _write(file, keys)
        finally:
            os.close(file)
        os.rename(half, path)
    except OSError as error:
        raise KeysError(f"{path} cannot be written: {error.strerror or error}") from error


def _write(file: int, keys: Keys) -> None:
    text = json.dumps(asdict(keys)).encode("ascii")
    if len(text) > PAGE:
        raise OSError(f"the keys do not fit {PAGE} bytes")
    os.pwrite(file, text.ljust(PAGE), 0)
    os.fsync(file)


def load(path: str) -> Keys | None:
    """The keys, to be shown as proof of who this host was; None when there are none."""
    try:
        with open(path, "rb") as file:
            return Keys(**json.loads(file.read(PAGE)))
    except (OSError, ValueError, TypeError):
        return None


def default_path() -> str:
    """Where `enrol` puts the file."""
    folder = SYSTEM_FOLDER if os.geteuid() == 0 else _user_folder(os.path.expanduser("~"))
    return os.path.join(folder, NAME)


def find() -> str:
    """The file that is there: of the system, of the user, or of the user who called sudo."""
    places = [default_path(), _user_folder(os.path.expanduser("~")) + "/" + NAME]
    caller = os.environ.get("SUDO_USER", "")
    if os.geteuid() == 0 and caller:
        try:
            places.append(os.path.join(pwd.getpwnam(caller).pw_dir, ".config", "spider-agent", NAME))
        except KeyError:
            print(f"spider agent: there is no user {caller}", file=sys.stderr)
    return next((place for place in places if os.path.exists(place)), places[0])


def _user_folder(home: str) -> str:
    return os.path.join(os.environ.get("XDG_CONFIG_HOME") or os.path.join(home, ".config"), "spider-agent")
