"""The life of an agent's keys."""

import hashlib
import secrets
from datetime import timedelta

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from apps.whisperers.models import Enrolment, Instance, Whisperer, WhispererToken
from apps.whisperers.services.audit import record

#: Marks a token as ours, so that secret scanners and people recognise one that leaked.
TOKEN_MARK = "spw_"  # noqa: S105 - how tokens begin, no token
ENROLMENT_MARK = "spe_"
PREFIX_LENGTH = 10
#: A busy agent uploads many times a second: its last use is written once a minute at most.
LAST_USED_STEP = timedelta(minutes=1)


def token_digest(secret: str) -> str:
    """The stored form of a token's text."""
    return hashlib.sha256(secret.encode()).hexdigest()


@transaction.atomic
def token_create(
    *,
    whisperer: Whisperer,
    label: str = "",
    kind: str = WhispererToken.Kind.UPLOAD,
    instance: Instance | None = None,
    actor: AbstractBaseUser | None = None,
) -> tuple[WhispererToken, str]:
    """Give a whisperer (or one of its instances) a new key; returns the record and the text, which cannot be had
    again. It is in the audit log where a person made it."""
    text = secret_text(TOKEN_MARK)
    token = WhispererToken.objects.create(
        whisperer=whisperer, instance=instance, kind=kind, label=label, prefix=text[:PREFIX_LENGTH],
        digest=token_digest(text),
    )  # fmt: skip
    if actor is not None:
        record(actor, whisperer, "created", after={"token": token.prefix, "label": label})
    return token, text


def secret_text(mark: str) -> str:
    """A new secret that begins with a mark."""
    return mark + secrets.token_urlsafe(32)


@transaction.atomic
def token_revoke(*, token: WhispererToken, actor: AbstractBaseUser | None = None) -> bool:
    """Refuse the token from now on. Returns False when it was revoked before."""
    now = timezone.now()
    changed = WhispererToken.objects.filter(pk=token.pk, revoked=None).update(revoked=now)
    if changed:
        token.revoked = now
        if actor is not None:
            record(actor, token.whisperer, "revoked", before={"token": token.prefix, "label": token.label})
    return bool(changed)


def token_use(*, secret: str) -> WhispererToken | None:
    """The token with this text, with its whisperer, its use noted; None when unknown or revoked."""
    token = (
        WhispererToken.objects.select_related("whisperer", "instance")
        .filter(digest=token_digest(secret), revoked=None)
        .first()
    )
    if token is not None:
        now = timezone.now()
        stale = Q(last_used=None) | Q(last_used__lt=now - LAST_USED_STEP)
        WhispererToken.objects.filter(stale, pk=token.pk).update(last_used=now)
    return token


@transaction.atomic
def enrolment_create(
    *, whisperer: Whisperer, life: timedelta, actor: AbstractBaseUser | None = None
) -> tuple[Enrolment, str]:
    """Let hosts join a whisperer for a while; returns the record and the text, which cannot be had again."""
    text = secret_text(ENROLMENT_MARK)
    enrolment = Enrolment.objects.create(
        whisperer=whisperer, expires=timezone.now() + life, prefix=text[:PREFIX_LENGTH], digest=token_digest(text),
        created_by_id=actor.pk if actor is not None else None,
    )  # fmt: skip
    after = {"enrolment": enrolment.prefix, "expires": enrolment.expires.isoformat()}
    record(actor, whisperer, "enrolment", after=after)
    return enrolment, text


@transaction.atomic
def enrolment_revoke(*, enrolment: Enrolment, actor: AbstractBaseUser | None = None) -> bool:
    """Let no further host join with it; those that did stay. Returns False when it was revoked before."""
    changed = Enrolment.objects.filter(pk=enrolment.pk, revoked=None).update(revoked=timezone.now())
    if changed:
        record(actor, enrolment.whisperer, "revoked", before={"enrolment": enrolment.prefix})
    return bool(changed)


@transaction.atomic
def instance_revoke(*, instance: Instance, actor: AbstractBaseUser | None = None) -> bool:
    """Refuse an agent's keys from now on: it stops when it next asks. Returns False when it was revoked before."""
    now = timezone.now()
    changed = Instance.objects.filter(pk=instance.pk, revoked=None).update(revoked=now)
    if changed:
        instance.tokens.filter(revoked=None).update(revoked=now)
        record(actor, instance.whisperer, "revoked", before={"agent": instance.name, "id": str(instance.pk)})
    return bool(changed)
