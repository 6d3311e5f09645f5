"""Storage policies: made, changed and deleted by staff; what is stored already follows a change at the next look."""

from collections.abc import Mapping

import structlog
from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.db import transaction

from apps.core.errors import ApplicationError
from apps.core.servers import document_store
from apps.core.tasks import send
from apps.whisperers.models import StoragePolicy, Whisperer
from apps.whisperers.retention import KINDS, Retention
from apps.whisperers.services.audit import record
from documents.ids import PINNED
from store.documents.names import RESOURCES

log = structlog.get_logger(__name__)

#: The fields that say days.
DAYS = tuple(KINDS)


@transaction.atomic
def policy_set(
    *, name: str, values: Mapping[str, object], actor: AbstractBaseUser | None = None
) -> tuple[StoragePolicy, bool]:
    """Make a policy, or change what `values` (title and days) names of it; gives it, and whether it is new.

    Raises ValidationError that names the field.
    """
    policy = StoragePolicy.objects.select_for_update().filter(pk=name).first()
    made = policy is None
    policy = policy or StoragePolicy(name=name)
    for field in ("title", *DAYS):
        if field in values:
            setattr(policy, field, values[field])
    policy.full_clean(validate_unique=False)
    check_order(policy)
    policy.save()
    days = {field: getattr(policy, field) for field in DAYS}
    log.info("policy.set", policy=name, actor=str(actor or ""), **days)
    return policy, made


def check_order(policy: StoragePolicy) -> None:
    """Raises ValidationError where packets or bodies would outlive the communications that lead to them, by the days in
    force."""
    kept = Retention({policy.pk: policy})
    last = kept.days(KINDS["communications"], policy.pk)
    for field in ("packets", "bodies"):
        days = kept.days(KINDS[field], policy.pk)
        if last is not None and (days is None or days > last):
            message = f"They would outlive communications ({last} days), which lead to them: say {last} days or less."
            raise ValidationError({field: message})


@transaction.atomic
def policy_delete(*, policy: StoragePolicy, actor: AbstractBaseUser | None = None) -> None:
    """Delete a policy; its data stays as long as the settings say. Raises ValidationError while whisperers use it."""
    users = list(Whisperer.objects.filter(policy=policy.pk).values_list("name", flat=True)[:4])
    if users:
        listed = ", ".join(users[:3]) + (" and others" if len(users) > 3 else "")
        raise ValidationError(f"The policy {policy.pk!r} is used by {listed}: choose another for them first.")
    name = policy.pk
    policy.delete()
    log.info("policy.deleted", policy=name, actor=str(actor or ""))


@transaction.atomic
def day_drop(*, resource: str, day: str, policy: str, actor: AbstractBaseUser | None = None) -> None:
    """Drop a day ("20261122") of a resource before its time, in the background, but for what is pinned of it.

    Raises ApplicationError: 404 for what is not stored, 400 for what is pinned.
    """
    if policy == PINNED:
        raise ApplicationError("What is pinned goes when its pin is taken back.", field="policy")
    there = resource in RESOURCES and any(
        (part.day, part.policy) == (day, policy) for part in document_store().days(resource)
    )
    if not there:
        raise ApplicationError("There is no such day: it was dropped already.", code="not_found", status_code=404)
    record(actor, None, "dropped", subject=f"{resource} of {day[:4]}-{day[4:6]}-{day[6:]}, policy {policy}")
    send("tasks.maintenance.drop", resource, day, policy, queue="maintenance")
