"""The Lua scripts: one file a step, the common helpers put in after the first line, called by the SHA-1 of the text."""

import hashlib
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "scripts"
COMMON = "common"


@cache
def texts() -> dict[str, bytes]:
    """Step name to the whole text of its script. The first line says how the server is to run it (`#!lua flags=…`)."""
    common = (FOLDER / f"{COMMON}.lua").read_text()
    scripts = {}
    for path in sorted(FOLDER.glob("*.lua")):
        if path.stem == COMMON:
            continue
        first, rest = path.read_text().split("\n", 1)
        scripts[path.stem] = f"{first}\n{common}\n{rest}".encode()
    return scripts


@cache
def digests() -> dict[str, str]:
    """Step name to the SHA-1 under which the server knows its script once loaded."""
    return {name: hashlib.sha1(text, usedforsecurity=False).hexdigest() for name, text in texts().items()}
