"""Flower shows nothing without its login."""

import base64
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

from spider_site.places import BASE
from spider_site.run.servers import free_port


@pytest.fixture
def flower(redis_url):
    port = free_port()
    environment = {**os.environ, "SPIDER_FLOWER_PORT": str(port), "SPIDER_FLOWER_PASSWORD": "correct horse"}
    process = subprocess.Popen(
        [sys.executable, "-m", "spider_site.flower"],
        cwd=BASE,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 30
    while status(f"{address}/healthcheck") == 0 and time.monotonic() < deadline:
        time.sleep(0.1)
    yield address
    process.kill()  # it has nothing to save
    process.wait(20)


def status(url, login=""):
    request = urllib.request.Request(url)
    if login:
        request.add_header("Authorization", "Basic " + base64.b64encode(login.encode()).decode())
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        error.close()
        return error.code
    except urllib.error.URLError:
        return 0


def test_pages_need_the_login_and_metrics_are_closed(flower):
    assert status(f"{flower}/workers") == 401
    assert status(f"{flower}/workers", "spider:wrong") == 401
    assert status(f"{flower}/workers", "spider:correct horse") == 200
    assert status(f"{flower}/metrics", "spider:correct horse") == 404
    assert status(f"{flower}/api/workers") == 401
