"""The site, a whisperer for files, and the workers that read them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User

from apps.whisperers.models import Whisperer
from apps.whisperers.services import whisperer_create
from tests.flows.pump import Pump
from tests.flows.site import Site


@pytest.fixture
def sandbox(whisperer: Whisperer) -> Whisperer:
    return whisperer_create(name="sandbox", mode="UPLOAD")


@pytest.fixture
def folder(settings: Any, tmp_path: Path) -> Path:
    settings.UPLOAD_FOLDER = tmp_path / "uploads"
    settings.UPLOAD_FREE = 0
    return tmp_path / "uploads"


@pytest.fixture
def run(pump: Callable[..., Pump], sandbox: Whisperer, folder: Path) -> Pump:
    """The workers."""
    return pump("to be known")


@pytest.fixture
def site(live_server: Any, run: Pump) -> Site:
    """The site as Alice, who runs it."""
    return Site(live_server.url, User.objects.create_user("alice", is_staff=True))
