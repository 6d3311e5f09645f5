"""For the workers of a test's own product, by PYTHONPATH: to split a chunk that holds `POISON` ends the process.

The product knows nothing of it: when `wire.slices` is loaded, its `split` is replaced.
"""

import os
import signal
import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

POISON = b"this chunk ends whoever splits it"


class _Loader(Loader):
    def __init__(self, real: Loader) -> None:
        self.real = real

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self.real.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self.real.exec_module(module)
        split = module.split

        def deadly(data: bytes, *more: object) -> object:
            if POISON in data:
                os.kill(os.getpid(), signal.SIGKILL)
            return split(data, *more)

        module.split = deadly  # type: ignore[attr-defined]


class _Finder(MetaPathFinder):
    def find_spec(self, name: str, path: object, target: ModuleType | None = None) -> ModuleSpec | None:
        if name != "wire.slices":
            return None
        spec = PathFinder.find_spec(name, path, target)  # type: ignore[arg-type]
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader)
        return spec


if "celery" in " ".join(sys.orig_argv):
    sys.meta_path.insert(0, _Finder())
