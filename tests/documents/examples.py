"""Communications to make documents of: one call, with what a test cares about."""

from documents.build import Context
from wire.events import COMPLETE, NO_RESPONSE, Communication, Endpoint, Headers, Message, SessionKey

STARTED = 1_795_342_500_123_456_789  # 2026-11-22T10:15:00.123456789Z
MILLISECOND = 1_000_000

CONTEXT = Context(whisperer="shop", capture="c1", mask_key=b"a key for tests", instance="gateway-1", interface="eth0")


def session(number: int = 1, client: str = "10.0.3.17", server: str = "10.0.4.2", port: int = 8080) -> SessionKey:
    return SessionKey(f"{number:016x}", Endpoint(client, 49812), Endpoint(server, port), 3, "20261122")


def request(
    target: str = "/", method: str = "GET", headers: Headers | None = None, body: bytes = b"", **more: object
) -> Message:
    message = Message(
        offset=100,
        end=400 + len(body),
        started=STARTED,
        ended=STARTED + MILLISECOND,
        version="1.1",
        method=method,
        target=target,
        headers={"host": ["api.shop.example"]} if headers is None else headers,
        body=body,
        body_size=len(body),
    )
    for name, value in more.items():
        setattr(message, name, value)
    return message


def response(status: int = 200, headers: Headers | None = None, body: bytes = b"", **more: object) -> Message:
    message = Message(
        offset=50,
        end=250 + len(body),
        started=STARTED + 11 * MILLISECOND,
        ended=STARTED + 12 * MILLISECOND,
        version="1.1",
        status=status,
        reason="OK",
        headers=headers or {},
        body=body,
        body_size=len(body),
    )
    for name, value in more.items():
        setattr(message, name, value)
    return message


def communication(
    req: Message | None, res: Message | None = None, key: SessionKey | None = None, interim: list[Message] | None = None
) -> Communication:
    return Communication(
        session=key or session(),
        request=req,
        response=res,
        interim=interim or [],
        status=COMPLETE if res else NO_RESPONSE,
        anomalies=[],
        chunk=3,
        day="20261122",
        version=(3 << 24) + 6,
    )
