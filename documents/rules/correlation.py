"""Identifiers that several communications share, read from header fields."""

from wire.events import Headers

#: Header fields with one, in the order they are listed, where no rule names others.
CORRELATION_HEADERS = ("x-request-id", "x-correlation-id", "traceparent", "x-b3-traceid", "x-amzn-trace-id")


def correlated(headers: Headers, names: tuple[str, ...]) -> list[str]:
    """The identifiers in these fields, which must be there; each once."""
    found: list[str] = []
    for name in names:
        value = headers[name][0]
        value = _trace(value) if name == "traceparent" else value.strip()
        if value and value not in found:
            found.append(value)
    return found


def _trace(traceparent: str) -> str:
    """W3C Trace Context §3.2: of version-trace-parent-flags the trace is what requests share."""
    parts = traceparent.split("-")
    return parts[1] if len(parts) >= 4 else ""
