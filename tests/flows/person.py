"""Somebody signed in to a running product."""

import json
import urllib.request
from http.cookiejar import CookieJar
from typing import Any
from urllib.parse import urlencode

from tests.flows.stack import Stack


class Person:
    """Somebody signed in, who calls the API as the pages do."""

    def __init__(self, stack: Stack) -> None:
        self._site, self._jar = stack.site, CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self._jar))
        self._opener.open(f"{self._site}/login/").close()
        form = {"username": "admin", "password": stack.secret("password"), "csrfmiddlewaretoken": self._csrf()}
        self._opener.open(f"{self._site}/login/", urlencode(form).encode()).close()

    def _csrf(self) -> str:
        return next(str(cookie.value) for cookie in self._jar if cookie.name == "spider_csrf")

    def __call__(self, method: str, path: str, body: Any = None) -> Any:
        sent = urllib.request.Request(self._site + path, method=method)
        if body is not None or method != "GET":
            sent.data = json.dumps(body if body is not None else {}).encode()
            sent.add_header("Content-Type", "application/json")
            sent.add_header("X-CSRFToken", self._csrf())
            sent.add_header("Referer", self._site)
        with self._opener.open(sent, timeout=30) as answer:
            data = answer.read()
        return json.loads(data) if data else None

    def get(self, path: str) -> bytes:
        """A page, as a browser gets it."""
        with self._opener.open(self._site + path, timeout=30) as answer:
            data: bytes = answer.read()
        return data
