"""What a person keeps of the detail panel: how wide it is, and whether it is folded away."""

from typing import Any

from apps.core.errors import ApplicationError
from apps.httpcomms.preferences import KNOWN

MIN_WIDTH, MAX_WIDTH = 280, 1600


def _checked(value: Any) -> dict[str, Any]:
    """`{"width": 420, "folded": false}`; a part that is absent is the usual one."""
    known = {"width", "folded"}
    width, folded = (value.get("width"), value.get("folded", False)) if isinstance(value, dict) else (None, None)
    right = isinstance(folded, bool) and (width is None or (type(width) is int and MIN_WIDTH <= width <= MAX_WIDTH))
    if not right or not isinstance(value, dict) or set(value) - known:
        message = f'Give {{"width": …, "folded": …}}: pixels from {MIN_WIDTH} to {MAX_WIDTH}, and true or false.'
        raise ApplicationError(message, code="invalid", field="value")
    return {"folded": folded} | ({"width": width} if width is not None else {})


KNOWN["detail"] = _checked
NAME = "detail"
