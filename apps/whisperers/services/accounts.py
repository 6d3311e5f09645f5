"""The life of service accounts and their tokens. Everything done to them is in the audit log; what they do is there
under their own name, because they are users.

A token works while it is neither revoked nor expired, its account is active, and so is the account's owner: whoever
leaves takes their programs along, until staff give the account to somebody else.
"""

from collections.abc import Iterable
from datetime import timedelta

from django.contrib.auth.models import AbstractBaseUser, User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from rest_framework.exceptions import AuthenticationFailed

from apps.core.errors import ApplicationError
from apps.whisperers.models import ServiceAccount, ServiceToken, Team, Whisperer
from apps.whisperers.rights import rights_of
from apps.whisperers.services.audit import record
from apps.whisperers.services.sharing import grant_set
from apps.whisperers.services.tokens import LAST_USED_STEP, PREFIX_LENGTH, secret_text, token_digest

MARK = "sps_"
#: Names of accounts begin with this, so that nobody takes one for a person.
NAME_MARK = "svc-"
#: A token that never ends is forgotten.
LONGEST_LIFE = timedelta(days=366)
#: Of one person: enough for all that they run, few enough to look through.
MOST_ACCOUNTS = 50
MOST_TOKENS = 50


@transaction.atomic
def account_create(
    *, name: str, owner: AbstractBaseUser, team: Team | None = None, about: str = "",
    actor: AbstractBaseUser | None = None,
) -> ServiceAccount:
    """Make an account, which may do nothing yet but what its team may. Raises ValidationError for a name that is taken
    or none, ApplicationError where there are too many."""
    if ServiceAccount.objects.filter(owner_id=owner.pk).count() >= MOST_ACCOUNTS:
        raise ApplicationError(f"One person has at most {MOST_ACCOUNTS} service accounts.", code="invalid")
    user = User(username=NAME_MARK + name.strip().removeprefix(NAME_MARK))
    user.set_unusable_password()
    try:
        user.full_clean()
    except ValidationError as error:
        told = {"name" if key == "username" else key: said for key, said in error.message_dict.items()}
        raise ValidationError(told) from None
    user.save()
    account = ServiceAccount.objects.create(user=user, owner_id=owner.pk, team=team, about=about)
    if team is not None:
        team.members.add(user)
    _record(actor, account, "created", after={"owner": owner.get_username(), "team": team and team.name})
    return account


@transaction.atomic
def account_update(
    *,
    account: ServiceAccount,
    active: bool | None = None,
    owner: AbstractBaseUser | None = None,
    about: str | None = None,
    actor: AbstractBaseUser | None = None,
) -> None:
    """Change what is given: stop it or let it work again, give it to somebody else, say what it is for."""
    before, after = {}, {}
    if active is not None and active != account.user.is_active:
        before["active"], after["active"] = account.user.is_active, active
        account.user.is_active = active
        account.user.save(update_fields=["is_active"])
    if owner is not None and owner.pk != account.owner_id:
        if hasattr(owner, "service"):
            raise ApplicationError("A service account cannot own another.", code="invalid", field="owner")
        before["owner"] = account.owner.get_username() if account.owner is not None else None
        after["owner"] = owner.get_username()
        account.owner_id = owner.pk
    if about is not None and about != account.about:
        before["about"], after["about"] = account.about, about
        account.about = about
    if after:
        account.save()
        _record(actor, account, "configured", before=before, after=after)
    account.refresh_from_db()


@transaction.atomic
def account_delete(*, account: ServiceAccount, actor: AbstractBaseUser | None = None) -> None:
    """Remove it with its tokens and rights. What it did stays in the audit log under its name."""
    _record(actor, account, "deleted", before={"tokens": account.tokens.filter(revoked=None).count()})
    account.user.delete()


def account_grant(
    *, account: ServiceAccount, whisperer: Whisperer, rights: Iterable[str], actor: AbstractBaseUser
) -> None:
    """Give the account exactly these rights on a whisperer, none of them more than the actor has. No right "share" is
    needed for that: the account is bounded by its owner. Raises ApplicationError 403."""
    wanted = set(rights)
    missing = sorted(wanted - rights_of(actor, whisperer))
    if missing:
        raise ApplicationError(
            f"You may not give the right {missing[0]!r} on {whisperer.name}: you do not have it.",
            code="forbidden", status_code=403, right=missing[0],
        )  # fmt: skip
    grant_set(whisperer=whisperer, rights=wanted, user=account.user, actor=actor)


@transaction.atomic
def account_token_create(
    *, account: ServiceAccount, life: timedelta, label: str = "", write: bool = False,
    actor: AbstractBaseUser | None = None,
) -> tuple[ServiceToken, str]:
    """A new token; returns the record and the text, which cannot be had again."""
    if not timedelta(0) < life <= LONGEST_LIFE:
        message = f"A token lives from a day to {LONGEST_LIFE.days} days."
        raise ApplicationError(message, code="invalid", field="days")
    now = timezone.now()
    if account.tokens.filter(revoked=None, expires__gt=now).count() >= MOST_TOKENS:
        raise ApplicationError(f"An account has at most {MOST_TOKENS} tokens: revoke some.", code="invalid")
    text = secret_text(MARK)
    token = ServiceToken.objects.create(
        account=account, label=label, write=write, expires=now + life, prefix=text[:PREFIX_LENGTH],
        digest=token_digest(text),
    )  # fmt: skip
    after = {"token": token.prefix, "label": label, "write": write, "expires": token.expires.isoformat()}
    _record(actor, account, "created", after=after)
    return token, text


@transaction.atomic
def account_token_revoke(*, token: ServiceToken, actor: AbstractBaseUser | None = None) -> bool:
    """Refuse the token from now on. Returns False when it was revoked before."""
    changed = ServiceToken.objects.filter(pk=token.pk, revoked=None).update(revoked=timezone.now())
    if changed:
        _record(actor, token.account, "revoked", before={"token": token.prefix, "label": token.label})
    return bool(changed)


def account_use(secret: str) -> tuple[User, ServiceToken]:
    """Whose the token with this text is, its use noted. Raises AuthenticationFailed, with the reason only for whoever
    has the whole text."""
    known = ServiceToken.objects.select_related("account__user", "account__owner")
    token = known.filter(digest=token_digest(secret)).first()
    if token is None:
        raise AuthenticationFailed("The token is unknown.")
    now, account = timezone.now(), token.account
    if token.revoked is not None:
        raise AuthenticationFailed("The token was revoked.", code="revoked")
    if token.expires <= now:
        raise AuthenticationFailed(f"The token expired {token.expires:%Y-%m-%d %H:%M} UTC.", code="expired")
    if account.stopped:
        raise AuthenticationFailed(f"The service account does not work: {account.stopped}", code="stopped")
    stale = Q(last_used=None) | Q(last_used__lt=now - LAST_USED_STEP)
    ServiceToken.objects.filter(stale, pk=token.pk).update(last_used=now)
    return account.user, token


def _record(actor: AbstractBaseUser | None, account: ServiceAccount, action: str, **more: object) -> None:
    record(actor, None, action, subject=f"service account {account.name}"[:120], **more)  # type: ignore[arg-type]
