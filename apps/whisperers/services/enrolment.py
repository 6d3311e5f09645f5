"""How hosts join a whisperer, and how their keys come and go.

A key is shown once, to the agent, and only its hash is kept. New keys are handed out with the answer to a status; the
old ones open everything until a new one is used, so an answer that gets lost locks nobody out.
"""

import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from apps.core.errors import ApplicationError
from apps.whisperers.models import Enrolment, Instance, Whisperer, WhispererToken
from apps.whisperers.services.audit import record
from apps.whisperers.services.status import clean_interfaces
from apps.whisperers.services.tokens import token_create, token_digest

#: Keys older than this are changed without being asked to.
KEY_AGE = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Enrolled:
    """What a new agent gets. The keys cannot be had again."""

    instance: Instance
    upload_key: str
    read_key: str


def install_command(server: str, secret: str) -> str:
    """What is pasted on a host: it fetches the agent, joins, and runs. `server`: the site's address without a slash."""
    return (
        f"curl -fsSLO {server}/agent/spider-agent.pyz && python3 spider-agent.pyz enrol --server {server}"
        f" --token {secret} && sudo python3 spider-agent.pyz run"
    )


@transaction.atomic
def agent_enrol(
    *,
    secret: str,
    name: str,
    version: str = "",
    interfaces: Any = None,
    system: str = "",
    instance: str = "",
    proof: str = "",
) -> Enrolled:
    """A host joins with an enrolment's token. With `instance` and one of its keys as `proof` it is that one again, and
    its earlier keys open nothing any more.

    Raises ApplicationError 401 with the code `revoked`, `expired` or `authentication_failed`, 400 for a whisperer that
    has no agents.
    """
    enrolment = _usable(secret)
    host = _known(enrolment.whisperer, instance, proof) or Instance(whisperer=enrolment.whisperer)
    host.name, host.version, host.interfaces = name, version, clean_interfaces(interfaces)
    host.state, host.reason, host.revoked, host.rotating = Instance.State.STARTING, "", None, None
    host.save()
    _keys_revoke(host)
    upload, read = _keys_make(host)
    Enrolment.objects.filter(pk=enrolment.pk).update(uses=F("uses") + 1)
    facts = {"instance": str(host.pk), "name": name, "version": version, "system": system, "token": str(enrolment)}
    record(None, enrolment.whisperer, "enrolled", after=facts)
    return Enrolled(host, upload, read)


@transaction.atomic
def instance_rotate(*, instance: Instance, actor: AbstractBaseUser | None = None) -> bool:
    """Ask for new keys: the agent gets them with the answer to its next status. False for one that was revoked."""
    changed = Instance.objects.filter(pk=instance.pk, revoked=None).update(rotating=timezone.now())
    if changed:
        instance.refresh_from_db()
        record(actor, instance.whisperer, "rotated", after={"instance": str(instance.pk), "name": instance.name})
    return bool(changed)


@transaction.atomic
def keys_rotate(*, token: WhispererToken) -> tuple[str, str] | None:
    """New keys for the agent that showed `token`, if it is to have some: upload key, read key.

    They were asked for, or the one shown is old. A key that is the newest has arrived: the older ones open nothing any
    more.
    """
    instance = Instance.objects.select_for_update().get(pk=token.instance_id)
    others = instance.tokens.filter(revoked=None, kind=WhispererToken.Kind.READ).exclude(pk=token.pk)
    if instance.rotating is None:
        if not _is_old(token):
            return None
        Instance.objects.filter(pk=instance.pk).update(rotating=timezone.now())
    if others.filter(pk__lt=token.pk).exists():
        _keys_revoke(instance, keep=_newest(instance))
        Instance.objects.filter(pk=instance.pk).update(rotating=None)
        return None
    # Keys of an answer that was lost: nobody knows them.
    instance.tokens.filter(revoked=None, pk__gt=token.pk).update(revoked=timezone.now())
    return _keys_make(instance)


def keys_due(*, token: WhispererToken, instance: Instance) -> bool:
    """Whether `keys_rotate` has anything to do."""
    return instance.rotating is not None or _is_old(token)


def _is_old(token: WhispererToken) -> bool:
    return timezone.now() - token.created > KEY_AGE


def _newest(instance: Instance) -> list[int]:
    kept = instance.tokens.filter(revoked=None).order_by("-pk").values_list("pk", flat=True)
    return list(kept[:2])


def _keys_make(instance: Instance) -> tuple[str, str]:
    """A pair of keys; the one that reads is the younger."""
    kinds, whisperer = WhispererToken.Kind, instance.whisperer
    _, upload = token_create(whisperer=whisperer, label=instance.name[:100], kind=kinds.UPLOAD, instance=instance)
    _, read = token_create(whisperer=whisperer, label=instance.name[:100], kind=kinds.READ, instance=instance)
    return upload, read


def _keys_revoke(instance: Instance, keep: list[int] | None = None) -> None:
    instance.tokens.filter(revoked=None).exclude(pk__in=keep or []).update(revoked=timezone.now())


def _usable(secret: str) -> Enrolment:
    enrolment = Enrolment.objects.select_related("whisperer").filter(digest=token_digest(secret)).first()
    if enrolment is None:
        message = "The enrolment token is unknown: copy the command of the whisperer's page again."
        raise ApplicationError(message, code="authentication_failed", status_code=401)
    if enrolment.revoked is not None:
        message = "The enrolment token was revoked: make a new one on the whisperer's page."
        raise ApplicationError(message, code="revoked", status_code=401)
    if enrolment.expires <= timezone.now():
        message = f"The enrolment token expired at {enrolment.expires:%Y-%m-%d %H:%M} UTC: make a new one."
        raise ApplicationError(message, code="expired", status_code=401)
    if enrolment.whisperer.mode == Whisperer.Mode.UPLOAD:
        message = f"{enrolment.whisperer.name} takes files from the browser: whisperers of mode UPLOAD have no agent."
        raise ApplicationError(message, code="mode")
    return enrolment


def _known(whisperer: Whisperer, instance: str, proof: str) -> Instance | None:
    """The instance that this host was before, if it shows a key that was its own, even one that was revoked."""
    try:
        key = uuid.UUID(instance)
        found = Instance.objects.select_for_update().filter(pk=key, whisperer=whisperer).first()
    except (ValueError, ValidationError):
        return None
    if found is None or not found.tokens.filter(digest=token_digest(proof)).exists():
        return None
    return found
