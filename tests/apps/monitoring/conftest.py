"""Accounting and what was set aside are the same on both engines."""

import pytest


@pytest.fixture(params=["postgresql", "elasticsearch"])
def either_store_url(request: pytest.FixtureRequest) -> str:
    """Address of a document store of each kind."""
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgres_url"))
    return str(request.getfixturevalue("elasticsearch_urls")[0])
