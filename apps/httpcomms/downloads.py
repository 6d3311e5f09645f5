"""Answers that hold what was captured: hostile until proven otherwise, so a browser may save them and nothing else."""

import re

from django.http import HttpResponse
from django.http.response import HttpResponseBase

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")


def attachment(data: bytes, name: str, content_type: str = "application/octet-stream") -> HttpResponse:
    """The bytes as a file to save. Never HTML, never sniffed, and sandboxed should anyone open it in place."""
    response = HttpResponse(data, content_type=content_type)
    protect(response, name)
    return response


def protect(response: HttpResponseBase, name: str) -> None:
    """Make an answer such a file."""
    response["Content-Disposition"] = f'attachment; filename="{_UNSAFE.sub("_", name)}"'
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response["Cache-Control"] = "private, no-store"


def in_place(data: bytes, content_type: str, *, framed: bool = False) -> HttpResponse:
    """The bytes to be looked at inside our pages: a content type that was made sure of, never sniffed, in a sandbox
    that has an origin of its own, runs nothing and fetches nothing. `framed`: our pages may show it in a frame."""
    response = HttpResponse(data, content_type=content_type)
    response["X-Content-Type-Options"] = "nosniff"
    policy = "sandbox; default-src 'none'"
    response["Content-Security-Policy"] = (
        f"{policy}; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'" if framed else policy
    )
    response["Cross-Origin-Resource-Policy"] = "same-origin"
    response["Referrer-Policy"] = "no-referrer"
    response["Cache-Control"] = "private, no-store"
    return response
