"""The headers of resumable uploads, as the tus protocol 1.0.0 says (https://tus.io/protocols/resumable-upload).

The core and its extensions creation, creation-with-upload, expiration, checksum and termination. Each refusal names the
header, what it held and what it may hold.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from apps.captures.headers import DIGITS, LARGEST, refused
from apps.captures.receiving import Checksum
from apps.core.errors import ApplicationError

VERSION = "1.0.0"
EXTENSIONS = "creation,creation-with-upload,expiration,checksum,termination"
CONTENT_TYPE = "application/offset+octet-stream"
#: sha1 is the one that every server has to know; it finds accidents, not attackers.
ALGORITHMS: dict[str, Callable[[], Any]] = {
    "sha1": lambda: hashlib.sha1(usedforsecurity=False),
    "sha256": hashlib.sha256,
}
METADATA_LIMIT = 4000


def require_version(headers: Mapping[str, str]) -> None:
    """Raises ApplicationError 412 for another version of the protocol, or none."""
    found = headers.get("Tus-Resumable", "")
    if found != VERSION:
        raise refused("Tus-Resumable", found, VERSION, status_code=412)


def require_content_type(headers: Mapping[str, str]) -> None:
    """Raises ApplicationError 415 for a body that is not said to be bytes at an offset."""
    found = headers.get("Content-Type", "")
    if found.partition(";")[0].strip().lower() != CONTENT_TYPE:
        raise refused("Content-Type", found, CONTENT_TYPE, status_code=415)


def number(headers: Mapping[str, str], name: str) -> int:
    """A whole number from 0. Raises ApplicationError 400."""
    value = headers.get(name, "").strip()
    if not (value.isascii() and value.isdigit() and len(value) <= DIGITS) or int(value) > LARGEST:
        raise refused(name, value, "a whole number of bytes from 0")
    return int(value)


def length(headers: Mapping[str, str]) -> int:
    """How long the whole file is. Raises ApplicationError 400 for an empty one or a length that is to come later."""
    if "Upload-Defer-Length" in headers:
        message = "Upload-Defer-Length is not supported: give Upload-Length, the bytes of the whole file."
        raise ApplicationError(message, code="header", field="Upload-Defer-Length")
    size = number(headers, "Upload-Length")
    if size == 0:
        message = "Upload-Length is 0, the file is empty: choose a capture with something in it."
        raise ApplicationError(message, code="empty", field="Upload-Length")
    return size


def body_length(headers: Mapping[str, str]) -> int:
    """How long a request's body is. Raises ApplicationError 411 where that is not said."""
    if "Content-Length" not in headers and "Transfer-Encoding" in headers:
        raise refused("Content-Length", "", "the bytes of the body", status_code=411)
    return number({"Content-Length": headers.get("Content-Length") or "0"}, "Content-Length")


def metadata(headers: Mapping[str, str]) -> dict[str, str]:
    """`Upload-Metadata: name base64, …` as text. Raises ApplicationError 400."""
    value = headers.get("Upload-Metadata", "")
    if len(value) > METADATA_LIMIT:
        raise refused("Upload-Metadata", value, f"at most {METADATA_LIMIT} characters")
    found = {}
    for pair in filter(None, (part.strip() for part in value.split(","))):
        name, _, coded = pair.partition(" ")
        try:
            found[name] = base64.b64decode(coded.strip(), validate=True).decode()
        except (binascii.Error, ValueError):
            raise refused("Upload-Metadata", pair, "names and base64 of UTF-8 text, several by commas") from None
    return found


def checksum(headers: Mapping[str, str]) -> Checksum | None:
    """`Upload-Checksum: sha256 base64` of this request's body. Raises ApplicationError 400."""
    value = headers.get("Upload-Checksum", "")
    if not value:
        return None
    name, _, coded = value.strip().partition(" ")
    try:
        hash = ALGORITHMS[name.lower()]()
        digest = base64.b64decode(coded, validate=True)
    except (KeyError, binascii.Error, ValueError):
        digest = b""
    if not digest or len(digest) != hash.digest_size:
        raise refused("Upload-Checksum", value, f"one of {', '.join(ALGORITHMS)} and the base64 of the digest")
    return Checksum(hash, digest)


def file_name(said: Mapping[str, str]) -> str:
    """The file's name without folders, and without what cannot be shown."""
    name = re.split(r"[/\\]", said.get("filename", said.get("name", "")))[-1]
    name = "".join(letter for letter in name if letter.isprintable()).strip()
    return name[:255] or "capture"


def whisperer_id(said: Mapping[str, str], field: str = "Upload-Metadata") -> UUID:
    """Which whisperer the file is for. Raises ApplicationError 400."""
    value = said.get("whisperer", "")
    try:
        return UUID(value)
    except ValueError:
        raise refused(field, value, "as whisperer the id of one of mode UPLOAD") from None


def expected(said: Mapping[str, str]) -> str:
    """SHA-256 of the whole file, where the client knows it. Raises ApplicationError 400."""
    value = said.get("sha256", "").strip().lower()
    if value and not re.fullmatch(r"[0-9a-f]{64}", value):
        raise refused("Upload-Metadata", value, "sha256, the SHA-256 of the whole file, 64 hexadecimal digits")
    return value


def modified(said: Mapping[str, str]) -> int:
    """When the file was last changed, in milliseconds since 1970; 0 when the client does not say it."""
    value = said.get("modified", "").strip()
    return int(value) if re.fullmatch(r"[0-9]{1,15}", value) else 0
