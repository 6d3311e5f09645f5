"""Storage policies: made, changed and deleted by staff; what is stored already follows a change at the next look."""

from collections.abc import Mapping

import structlog
from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.db import transaction

from apps.whisperers.models import StoragePolicy, Whisperer
from apps.whisperers.retention import KINDS, Retention

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
