"""The agent as one file: its sources and the part of `wire` it uses, as a zip that Python runs (zipapp).

The same sources give the same bytes: files sorted, dates fixed, no compiled code.
"""

import hashlib
import io
import zipfile
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("agent", "wire/pcapfile")
SHEBANG = b"#!/usr/bin/env python3\n"
_MAIN = "import sys\n\nfrom agent.__main__ import main\n\nsys.exit(main())\n"
#: The oldest date that a zip can hold.
_DATE = (1980, 1, 1, 0, 0, 0)


@cache
def build() -> tuple[bytes, str]:
    """The file and its SHA-256, made once for each process."""
    out = io.BytesIO(SHEBANG)
    out.seek(0, io.SEEK_END)
    files = {"__main__.py": _MAIN.encode(), "wire/__init__.py": (ROOT / "wire" / "__init__.py").read_bytes()}
    for package in PACKAGES:
        for path in (ROOT / package).glob("*.py"):
            files[f"{package}/{path.name}"] = path.read_bytes()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(files.items()):
            entry = zipfile.ZipInfo(name, _DATE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3  # Unix, wherever it is made
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)
    data = out.getvalue()
    return data, hashlib.sha256(data).hexdigest()
