"""What the pages for people name is there: links, their headings, and paths in code marks."""

import re
from pathlib import Path

import pytest

from spider_site.places import BASE

PAGES = sorted([*BASE.glob("*.md"), *BASE.glob("docs/**/*.md")])
LINK = re.compile(r"\]\(([^)\s]+)\)")
CODE = re.compile(r"`([^`\n]+)`")
BLOCK = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
#: A path of the tree, and no command, address, glob or place holder: it begins with a folder that git knows.
PATH = re.compile(r"\.?[a-z_]+(?:/[A-Za-z0-9_.-]+)*/?")
FOLDERS = {"agent", "apps", "deploy", "docs", "documents", "spider_site", "store", "tasks", "tests", "wire"}
#: Files without a folder that a page may name.
FILE = re.compile(r"[A-Za-z_.-]+\.(?:md|toml|txt|yml|json|py|lua)")
#: What a start makes in its data folder.
MADE = {"processes.json", "sample.json"}


def name(page: Path) -> str:
    return str(page.relative_to(BASE))


def heading_ids(text: str) -> set[str]:
    """Anchors as GitHub makes them: lower case, punctuation out, spaces to dashes."""
    heads = re.findall(r"^#+ (.+)$", BLOCK.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def problems(page: Path) -> list[str]:
    text = BLOCK.sub("", page.read_text(encoding="utf-8"))
    return [*broken_links(page, text), *missing_paths(page, text)]


def broken_links(page: Path, text: str) -> list[str]:
    found = []
    for link in LINK.findall(text):
        if "://" in link:
            continue
        file, _, anchor = link.partition("#")
        target = page.parent / file if file else page
        if not target.exists():
            found.append(f"link to {link}")
        elif anchor and anchor not in heading_ids(target.read_text(encoding="utf-8")):
            found.append(f"no heading {link}")
    return found


def missing_paths(page: Path, text: str) -> list[str]:
    return [f"`{code}`" for code in CODE.findall(text) if is_path(code) and not is_there(page, code)]


def is_path(code: str) -> bool:
    if FILE.fullmatch(code):
        return code not in MADE
    return "/" in code and bool(PATH.fullmatch(code)) and code.split("/", maxsplit=1)[0] in FOLDERS


def is_there(page: Path, code: str) -> bool:
    """From the top, beside the page, or (for a bare name) anywhere among our files."""
    if (BASE / code).exists() or (page.parent / code).exists():
        return True
    return "/" not in code and any(next((BASE / folder).rglob(code), None) for folder in FOLDERS)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_what_a_page_names_is_there(page: Path) -> None:
    assert not problems(page)


@pytest.mark.parametrize(
    "text",
    ["[x](nowhere.md)", "[x](#no-such-heading)", "`wire/nowhere.py`", "`store/no_folder/`", "`nowhere.lua`"],
)
def test_what_is_missing_is_found(tmp_path: Path, text: str) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"# A page\n\n{text}\n", encoding="utf-8")
    assert len(problems(page)) == 1


def test_every_page_is_in_the_index() -> None:
    index = (BASE / "docs/README.md").read_text() + (BASE / "docs/adr/README.md").read_text()
    pages = [page for page in PAGES if page.parent != BASE and page.name != "README.md"]
    paths = {page: (page.name, str(page.relative_to(BASE / "docs"))) for page in pages}
    assert [name(page) for page in pages if not any(f"({path})" in index for path in paths[page])] == []
