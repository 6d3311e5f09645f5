"""Service accounts: the list with a form for a new one, and the page of one with its tokens and rights."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.core.errors import ApplicationError
from apps.whisperers.api.accounts import DEFAULT_DAYS, account_of, accounts_of
from apps.whisperers.models import RIGHTS, Grant, ServiceAccount, Team
from apps.whisperers.rights import is_staff, rights_on, visible_whisperers
from apps.whisperers.services import accounts as services
from apps.whisperers.views.base import screen
from apps.whisperers.views.tabs import RIGHT_LABELS

LIVES = {7: "7 days", 30: "30 days", 90: "90 days", 365: "1 year"}


@screen
@require_http_methods(["GET", "HEAD", "POST"])
def list_page(request: HttpRequest) -> HttpResponse:
    """The accounts of the person, of all for staff; a form makes a new one."""
    refused = ""
    if request.method == "POST":
        try:
            account = _made(request)
        except ApplicationError as error:
            refused = error.message
        else:
            messages.success(request, f"{account.name} was made. Give it rights, then a token.")
            return redirect("service-account", account.pk)
    now = timezone.now()
    usable = Q(tokens__revoked=None, tokens__expires__gt=now)
    context = {
        "accounts": accounts_of(request.user).annotate(usable=Count("tokens", filter=usable)),
        "all": is_staff(request.user),
        "teams": _teams(request),
        "refused": refused,
        "given": request.POST,
        "root": request.build_absolute_uri("/"),
    }
    return render(request, "whisperers/accounts.html", context, status=400 if refused else 200)


def _made(request: HttpRequest) -> ServiceAccount:
    said, number = request.POST, request.POST.get("team", "")
    team = _teams(request).filter(pk=number).first() if number.isdigit() else None
    if number and team is None:
        raise ApplicationError("You are not in that team: choose one of yours.", field="team")
    if not said.get("name", "").strip():
        raise ApplicationError("Give it a name, such as reports.", field="name")
    about = said.get("about", "").strip()[:200]
    return _checked(name=said["name"], about=about, team=team, owner=request.user, actor=request.user)


def _checked(**given: Any) -> ServiceAccount:
    """A name that is none is refused in the words of the API."""
    try:
        return services.account_create(**given)
    except ValidationError as error:
        raise ApplicationError(" ".join(error.messages), field="name") from None


def _teams(request: HttpRequest) -> Any:
    return Team.objects.all() if is_staff(request.user) else Team.objects.filter(members=request.user.pk)


@screen
@require_safe
def account_page(request: HttpRequest, id: int) -> HttpResponse:
    """One account."""
    return render(request, "whisperers/account.html", _context(request, account_of(request.user, id)))


def _context(request: HttpRequest, account: ServiceAccount) -> dict[str, Any]:
    seen = visible_whisperers(request.user)
    grants = list(
        Grant.objects.filter(user=account.user, whisperer__in=seen.values("pk"))
        .select_related("whisperer").order_by("whisperer__name")
    )  # fmt: skip
    whisperers = [grant.whisperer for grant in grants]
    mine, in_force = rights_on(request.user, whisperers), rights_on(account.user, whisperers)
    return {
        "account": account,
        "tokens": account.tokens.all(),
        "grants": [
            (grant, mine[grant.whisperer_id], in_force[grant.whisperer_id], set(grant.rights)) for grant in grants
        ],
        "others": seen.exclude(pk__in=[one.pk for one in whisperers]).order_by("name")[:500],
        "all_rights": [(right, RIGHT_LABELS.get(right, right), words) for right, words in RIGHTS.items()],
        "lives": LIVES,
        "life": DEFAULT_DAYS,
        "now": timezone.now(),
        "staff": is_staff(request.user),
        "root": request.build_absolute_uri("/"),
    }


def _answer(request: HttpRequest, id: int, **more: Any) -> HttpResponse:
    """The page again: its changing part for htmx, all of it where something is shown once, else by its address."""
    if not request.htmx and not more:
        return redirect("service-account", id)
    name = "account_parts.html" if request.htmx else "account.html"
    return render(request, f"whisperers/{name}", _context(request, account_of(request.user, id)) | more)


@screen
@require_POST
def token_action(request: HttpRequest, id: int) -> HttpResponse:
    """Make a token, whose text is shown this once."""
    account, days = account_of(request.user, id), request.POST.get("days", "")
    token, text = services.account_token_create(
        account=account,
        life=timedelta(days=int(days) if days.isdigit() and len(days) < 5 else DEFAULT_DAYS),
        label=request.POST.get("label", "").strip()[:100],
        write=request.POST.get("write") == "yes",
        actor=request.user,
    )
    return _answer(request, id, token=token, text=text)


@screen
@require_POST
def revoke_action(request: HttpRequest, id: int, number: int) -> HttpResponse:
    """Refuse a token from now on."""
    token = account_of(request.user, id).tokens.filter(pk=number).first()
    if token is None:
        raise ApplicationError("There is no such token.", code="not_found", status_code=404)
    services.account_token_revoke(token=token, actor=request.user)
    return _answer(request, id)


@screen
@require_POST
def rights_action(request: HttpRequest, id: int) -> HttpResponse:
    """Give exactly the rights that are ticked; none takes all away."""
    account = account_of(request.user, id)
    whisperer = visible_whisperers(request.user).filter(pk=_uuid(request.POST.get("whisperer", ""))).first()
    if whisperer is None:
        raise ApplicationError("There is no such whisperer: choose one of the list.", field="whisperer")
    wanted = [right for right in request.POST.getlist("rights") if right in RIGHTS]
    services.account_grant(account=account, whisperer=whisperer, rights=wanted, actor=request.user)
    return _answer(request, id)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


@screen
@require_POST
def state_action(request: HttpRequest, id: int) -> HttpResponse:
    """Stop it, or let it work again."""
    active = request.POST.get("active") == "yes"
    services.account_update(account=account_of(request.user, id), active=active, actor=request.user)
    return _answer(request, id)


@screen
@require_POST
def owner_action(request: HttpRequest, id: int) -> HttpResponse:
    """Give it to somebody else, which only staff may."""
    account = account_of(request.user, id)
    if not is_staff(request.user):
        raise ApplicationError("Only staff give an account to somebody else.", code="forbidden", status_code=403)
    name = request.POST.get("owner", "").strip().replace("\0", "")
    owner = User.objects.filter(username=name, service=None).first()
    if owner is None:
        raise ApplicationError(f"There is no person {name[:150]!r}.", field="owner")
    services.account_update(account=account, owner=owner, actor=request.user)
    return _answer(request, id)


@screen
@require_POST
def delete_action(request: HttpRequest, id: int) -> HttpResponse:
    """Delete it, with its tokens and rights."""
    account = account_of(request.user, id)
    services.account_delete(account=account, actor=request.user)
    messages.success(request, f"{account.name} was deleted.")
    return redirect("service-accounts")
