"""What a person does about what went wrong."""

from typing import Any

import structlog

from apps.captures.models import Capture
from apps.captures.services import redis_link
from apps.core.errors import ApplicationError
from apps.core.servers import document_store
from apps.core.tasks import send
from apps.monitoring.selectors import aside
from apps.whisperers.rights import Person, require
from store.documents import aside as records
from store.redis import work
from store.redis.work import SecondTry

log = structlog.get_logger(__name__)


def aside_again(*, user: Person, id: str) -> dict[str, Any]:
    """Have something that was put aside tried again now; gives its record, which waits. A repeat changes nothing.

    Raises ApplicationError: 404, 403 without the right "configure", 409 when it was repaired, or its capture is gone.
    """
    record, whisperer = aside.record_of(user, id)
    require(user, whisperer, "configure")
    if record["state"] == "repaired":
        raise ApplicationError("It was repaired: there is nothing to try again.", code="repaired", status_code=409)
    capture = Capture.objects.filter(pk=record["capture"]).first()
    if capture is None or not record.get("item"):
        message = "Its capture is not known any more, so it cannot be tried again."
        raise ApplicationError(message, code="gone", status_code=409)
    item = SecondTry.read(record["item"])
    with redis_link() as link:
        if record["state"] != "waiting":  # first: as soon as it is due, its outcome may be written
            record = records.change(document_store(), id, capture.policy, lambda newest: _waiting(newest or record))
        work.add_due(link, item)
    document_store().refresh(records.RESOURCE)
    send("tasks.reprocess.second_try", item.text(), queue="reprocess")
    log.info("aside.again", id=id, actor=str(user))
    return document_store().get(records.RESOURCE, frozenset({str(whisperer.pk)}), id) or record


def _waiting(record: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name not in ("outcome", "tried")} | {"state": "waiting"}
