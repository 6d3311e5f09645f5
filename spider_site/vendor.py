"""Static files out of npm packages: only those that `settings.VENDOR_FILES` names, under `vendor/`, uncopied."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import BaseFinder
from django.core.files.storage import FileSystemStorage

PREFIX = "vendor/"


class VendorFinder(BaseFinder):
    """Finds `vendor/<package>/<path>` in node_modules; `list` fails clearly where `make setup` has not run."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.storage = FileSystemStorage(location=settings.NODE_MODULES)
        self.storage.prefix = PREFIX.rstrip("/")  # type: ignore[attr-defined]
        super().__init__(*args, **kwargs)

    def check(self, **_: Any) -> list[Any]:
        return []

    def find(self, path: str, find_all: bool = False, **_: Any) -> Any:
        inner = path.removeprefix(PREFIX)
        known = path.startswith(PREFIX) and inner in settings.VENDOR_FILES
        found = [self.storage.path(inner)] if known and self.storage.exists(inner) else []
        return found if find_all else (found[0] if found else None)

    def list(self, _ignore_patterns: Iterable[str] | None) -> Iterable[tuple[str, FileSystemStorage]]:
        for path in settings.VENDOR_FILES:
            if not self.storage.exists(path):
                raise FileNotFoundError(f"node_modules/{path} is missing: run make setup")
            yield path, self.storage
