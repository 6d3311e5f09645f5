"""Communications as lines that two runs of the same packets share."""

from typing import Any

import orjson

#: What names the capture, or how far its parsing had come, and not the traffic.
OF_THE_CAPTURE = ("id", "tcpSession", "whisperer", "instance", "interface", "capture", "chunk", "version", "_version")


def comparable(document: dict[str, Any]) -> bytes:
    """A communication without what names its capture."""
    kept = {name: value for name, value in document.items() if name not in OF_THE_CAPTURE}
    return orjson.dumps(kept, option=orjson.OPT_SORT_KEYS)
