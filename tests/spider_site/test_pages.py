"""Generated pages are never stale: who changes a table runs `make docs`."""

import pytest

from spider_site.pages import PAGES
from spider_site.places import BASE


@pytest.mark.parametrize("name", PAGES)
def test_page_is_up_to_date(name):
    assert (BASE / name).read_text() == PAGES[name](), f"{name} is stale: run make docs"
