"""Whether bytes are an image that a browser may draw, told by the bytes themselves and never by what was claimed.

PNG, JPEG, GIF and WebP are pixels and nothing else. SVG is a document with scripts: it is shown as text alone.
"""

from dataclasses import dataclass

from apps.httpcomms.bodyviews.limits import MAX_IMAGE, MAX_PIXELS


@dataclass(frozen=True, slots=True)
class Image:
    """An image's fixed content type and what its head says of its size; 0 where it says nothing."""

    content_type: str
    width: int = 0
    height: int = 0

    @property
    def name(self) -> str:
        return {"image/png": "PNG", "image/jpeg": "JPEG", "image/gif": "GIF", "image/webp": "WebP"}[self.content_type]


def image(data: bytes) -> Image | None:
    """The image that the bytes are; None for anything else."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        known = data[12:16] == b"IHDR" and len(data) >= 24
        return Image("image/png", *((_be(data, 16, 4), _be(data, 20, 4)) if known else ()))
    if data.startswith(b"\xff\xd8\xff"):
        return Image("image/jpeg", *_jpeg(data))
    if data[:6] in (b"GIF87a", b"GIF89a"):
        return Image("image/gif", *((_le(data, 6, 2), _le(data, 8, 2)) if len(data) >= 10 else ()))
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return Image("image/webp", *_webp(data))
    return None


def refusal(found: Image, data: bytes) -> str:
    """Why an image is not drawn; empty when it is."""
    if len(data) > MAX_IMAGE:
        return f"The image is larger than {MAX_IMAGE >> 20} MB: download it to look at it."
    if found.width * found.height > MAX_PIXELS:
        return f"The image says that it has {found.width} × {found.height} pixels: more than a browser should draw."
    return ""


def _be(data: bytes, at: int, size: int) -> int:
    return int.from_bytes(data[at : at + size], "big")


def _le(data: bytes, at: int, size: int) -> int:
    return int.from_bytes(data[at : at + size], "little")


def _jpeg(data: bytes) -> tuple[int, int]:
    """Size from the first frame header (ITU T.81 §B.2.2): segments are skipped by their length."""
    at = 2
    for _ in range(200):
        if at + 9 > len(data) or data[at] != 0xFF:
            break
        marker = data[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return _be(data, at + 7, 2), _be(data, at + 5, 2)
        at += 2 + max(_be(data, at + 2, 2), 2)
    return 0, 0


def _webp(data: bytes) -> tuple[int, int]:
    kind = data[12:16]
    if kind == b"VP8X" and len(data) >= 30:
        return _le(data, 24, 3) + 1, _le(data, 27, 3) + 1
    if kind == b"VP8L" and len(data) >= 25:
        bits = _le(data, 21, 4)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 " and len(data) >= 30:
        return _le(data, 26, 2) & 0x3FFF, _le(data, 28, 2) & 0x3FFF
    return 0, 0
