"""How connections to PostgreSQL notice that the other end is gone: after half a minute instead of hours."""

from typing import Any, Final

#: Seconds of silence until the other end is asked, and between questions; milliseconds that what was sent may wait.
KEEPALIVE: Final[dict[str, Any]] = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 4,
    "tcp_user_timeout": 30_000,
}
