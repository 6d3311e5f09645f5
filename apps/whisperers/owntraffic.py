"""What agents on the server's own host never capture: each packet of it would make more of it, without end.

Traffic between an agent and the site is left out by the agent itself, which knows that address.
"""

from ipaddress import ip_address
from urllib.parse import urlsplit

from django.conf import settings


def own_traffic(agent: str) -> str:
    """A filter that finds what this server says to its database, Redis and Elasticsearch over loopback, for an agent
    that calls from there; "" for any other. `agent`: the address it calls from."""
    if not _is_loopback(agent):
        return ""
    urls = [
        settings.DATABASE_URL,
        settings.REDIS_URL,
        settings.CELERY_BROKER_URL,
        *settings.ELASTICSEARCH_URL.split(","),
    ]
    parts = [urlsplit(url.strip()) for url in urls]
    ports = sorted({one.port for one in parts if one.port and _is_loopback(one.hostname or "")})
    listed = " or ".join(f"port {port}" for port in ports)
    return f"tcp and (host 127.0.0.1 or host ::1) and ({listed})" if ports else ""


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
