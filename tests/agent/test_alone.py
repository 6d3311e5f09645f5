"""The agent runs on old hosts too: Python 3.9 syntax, standard library, and of the project one package alone."""

import ast
import sys
from pathlib import Path

import pytest

from agent.schema import BY_NAME, FIELDS

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted([*(ROOT / "agent").glob("*.py"), *(ROOT / "wire" / "pcapfile").glob("*.py")])


@pytest.mark.parametrize("file", FILES, ids=lambda f: f"{f.parent.name}/{f.name}")
def test_syntax_and_imports(file: Path) -> None:
    tree = ast.parse(file.read_text(), feature_version=(3, 9))
    for node in ast.walk(tree):
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        for name in names:
            known = name.split(".")[0] in sys.stdlib_module_names or name == "agent" or name.startswith("agent.")
            assert known or name == "wire.pcapfile" or name.startswith("wire.pcapfile."), name
        assert not isinstance(node, ast.Match)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("dataclass", "zip"):
            assert not {k.arg for k in node.keywords} & {"slots", "kw_only", "strict"}, "younger than Python 3.9"


def test_every_setting_is_described_and_bounded() -> None:
    assert len(BY_NAME) == len(FIELDS)
    for field in FIELDS:
        assert field.help
        assert not field.problem(field.default)
        if field.type == "int":
            assert field.least is not None
            assert field.most is not None
            assert field.problem(field.least - 1)
            assert field.problem(field.most + 1)
            assert field.problem("7")
