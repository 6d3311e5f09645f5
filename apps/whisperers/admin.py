"""Whisperers, teams and defaults in the admin. Every change goes through the services, so that it is checked and in the
audit log, which is there to read. The text of a token is shown once, right after it was made; later only how it begins.
"""

import json
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from apps.core.errors import ApplicationError
from apps.whisperers.configuration.resolve import Target
from apps.whisperers.configuration.schema import KINDS
from apps.whisperers.models import (
    RIGHTS,
    Change,
    Defaults,
    Grant,
    ServiceAccount,
    ServiceToken,
    StoragePolicy,
    Team,
    Whisperer,
    WhispererToken,
)
from apps.whisperers.services import (
    configuration_set,
    configuration_try,
    grant_set,
    team_create,
    team_delete,
    team_members_set,
    team_rename,
    token_create,
    token_revoke,
    whisperer_create,
    whisperer_delete,
    whisperer_move,
    whisperer_rename,
)
from apps.whisperers.services.accounts import account_delete, account_update
from apps.whisperers.services.policies import DAYS, check_order

_HELP = {
    "capture": "What agents do: the values set here, as JSON. What is left out is inherited.",
    "parsing": "What workers do: the values set here, as JSON. What is left out is inherited.",
}


class PrettyJson(json.JSONEncoder):
    """JSON on several lines: it is edited by hand."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **(kwargs | {"indent": 2, "ensure_ascii": False}))


class ConfiguredForm(forms.ModelForm):
    """One level of the configuration. Values are checked as everywhere: a problem names its field and the way out."""

    capture = forms.JSONField(required=False, encoder=PrettyJson, help_text=_HELP["capture"])
    parsing = forms.JSONField(required=False, encoder=PrettyJson, help_text=_HELP["parsing"])

    def clean_capture(self) -> dict[str, Any]:
        return self._checked("capture")

    def clean_parsing(self) -> dict[str, Any]:
        return self._checked("parsing")

    def _checked(self, kind: Any) -> dict[str, Any]:
        values = self.cleaned_data.get(kind) or {}
        if not isinstance(values, dict):
            raise ValidationError('Give an object, {"field": value}.')
        _, found = configuration_try(target=self.instance, kind=kind, values=values, replace=True)
        if found:
            raise ValidationError([problem.text for problem in found])
        return values


class GrantForm(forms.ModelForm):
    """A grant with its rights as boxes to tick."""

    rights = forms.TypedMultipleChoiceField(choices=list(RIGHTS.items()), widget=forms.CheckboxSelectMultiple)

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        if (found.get("user") is None) == (found.get("team") is None):
            raise ValidationError("Name a user or a team, one of them.")
        return found


class TokenInline(admin.TabularInline):
    """The tokens of a whisperer: to look at and to revoke, never to edit."""

    model = WhispererToken
    extra = 0
    fields = ("prefix", "label", "kind", "created", "last_used", "state")
    readonly_fields = fields
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description="state")
    def state(self, token: WhispererToken) -> SafeString | str:
        if token.revoked:
            return f"revoked {token.revoked:%Y-%m-%d %H:%M}"
        address = reverse("admin:whisperers_token_revoke", args=[token.pk])
        # A button of the surrounding form: it brings that form's CSRF token and posts to its own address.
        return format_html('<button type="submit" formaction="{}" formnovalidate>Revoke</button>', address)


class GrantInline(admin.TabularInline):
    """Who may do what with a whisperer, besides the staff."""

    model = Grant
    extra = 0
    form = GrantForm


class ConfiguredAdmin(admin.ModelAdmin):
    """What has a level of the configuration."""

    form = ConfiguredForm

    def save_configuration(self, request: HttpRequest, target: Target, form: forms.ModelForm) -> None:
        """Write the kinds that the form changed."""
        for kind in KINDS:
            if kind in form.changed_data:
                values = form.cleaned_data[kind]
                try:
                    configuration_set(target=target, kind=kind, values=values, actor=_actor(request), replace=True)
                except ApplicationError as error:  # what agents have changed since the form was checked
                    messages.error(request, f"The {kind} configuration was not saved. {error.message}")


@admin.register(Defaults)
class DefaultsAdmin(ConfiguredAdmin):
    """The server's own level: one row, which is always there."""

    fields = KINDS

    def get_queryset(self, request: HttpRequest) -> QuerySet[Defaults]:
        Defaults.get()
        return super().get_queryset(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Defaults, form: forms.ModelForm, change: bool) -> None:
        self.save_configuration(request, Defaults.get(), form)


@admin.register(Team)
class TeamAdmin(ConfiguredAdmin):
    """Teams, their people, and what their whisperers inherit."""

    list_display = ("name", "created")
    search_fields = ("name",)
    filter_horizontal = ("members",)
    fields = ("name", "members", *KINDS)

    def save_model(self, request: HttpRequest, obj: Team, form: forms.ModelForm, change: bool) -> None:
        if change:
            team_rename(team=obj, name=form.cleaned_data["name"], actor=_actor(request))
        else:
            made = team_create(name=form.cleaned_data["name"], actor=_actor(request))
            obj.pk, obj.created = made.pk, made.created
            obj._state.adding = False  # noqa: SLF001 - saved by the service, not by the form
        self.save_configuration(request, Team.objects.get(pk=obj.pk), form)

    def save_related(self, request: HttpRequest, form: forms.ModelForm, formsets: Any, change: bool) -> None:
        team_members_set(team=form.instance, members=form.cleaned_data["members"], actor=_actor(request))

    def delete_model(self, request: HttpRequest, obj: Team) -> None:
        team_delete(team=obj, actor=_actor(request))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Team]) -> None:
        for team in queryset:
            team_delete(team=team, actor=_actor(request))


@admin.register(Whisperer)
class WhispererAdmin(ConfiguredAdmin):
    """Create, rename, configure and share whisperers, and give their agents tokens."""

    list_display = ("name", "mode", "team", "capturing", "policy", "tokens_in_use", "created")
    list_filter = ("mode", "team", "policy")
    search_fields = ("name", "id")
    readonly_fields = ("id", "capturing", "policy", "created", "updated")
    fields = ("name", "mode", "team", *KINDS, "policy", "capturing", "id", "created", "updated")
    inlines = (GrantInline, TokenInline)
    change_form_template = "admin/whisperers/whisperer/change_form.html"

    def get_readonly_fields(self, request: HttpRequest, obj: Whisperer | None = None) -> tuple[str, ...]:
        return self.readonly_fields if obj is None else ("mode", *self.readonly_fields)

    def get_fields(self, request: HttpRequest, obj: Whisperer | None = None) -> tuple[str, ...]:
        # Which fields a configuration has depends on the mode: it is written once that is known.
        return self.fields if obj is not None else ("name", "mode", "team")

    def get_inlines(self, request: HttpRequest, obj: Whisperer | None) -> tuple[Any, ...]:
        return self.inlines if obj is not None else ()

    def save_model(self, request: HttpRequest, obj: Whisperer, form: forms.ModelForm, change: bool) -> None:
        said, actor = form.cleaned_data, _actor(request)
        if change:
            row = Whisperer.objects.get(pk=obj.pk)
            whisperer_rename(whisperer=row, name=said["name"], actor=actor)
            whisperer_move(whisperer=row, team=said["team"], actor=actor)
        else:
            row = whisperer_create(name=said["name"], mode=said["mode"], team=said["team"], actor=actor)
            obj.pk = row.pk
            obj._state.adding = False  # noqa: SLF001 - saved by the service, not by the form
        self.save_configuration(request, row, form)

    def save_formset(self, request: HttpRequest, form: forms.ModelForm, formset: Any, change: bool) -> None:
        grants = formset.save(commit=False)  # the admin's own log asks the set what was in it
        if formset.model is not Grant:
            return
        # One given to somebody else is taken from whom it was given to before.
        before = Grant.objects.filter(pk__in=[grant.pk for grant in grants if grant.pk])
        for gone in [*formset.deleted_objects, *before]:
            kept = next((g for g in grants if g.pk == gone.pk), None)
            if kept is None or (kept.user_id, kept.team_id) != (gone.user_id, gone.team_id):
                self._grant(request, gone, [])
        for grant in grants:
            self._grant(request, grant, grant.rights)

    def _grant(self, request: HttpRequest, grant: Grant, rights: list[str]) -> None:
        whom = {"user": grant.user, "team": grant.team}
        grant_set(whisperer=grant.whisperer, rights=rights, actor=_actor(request), **whom)

    def delete_model(self, request: HttpRequest, obj: Whisperer) -> None:
        whisperer_delete(whisperer=obj, actor=_actor(request))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Whisperer]) -> None:
        for whisperer in queryset:
            whisperer_delete(whisperer=whisperer, actor=_actor(request))

    @admin.display(description="tokens")
    def tokens_in_use(self, whisperer: Whisperer) -> int:
        return whisperer.tokens.filter(revoked=None).count()

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("<uuid:pk>/token/", view(require_POST(self.create_token)), name="whisperers_token_create"),
            path("tokens/<int:pk>/revoke/", view(require_POST(self.revoke_token)), name="whisperers_token_revoke"),
            *super().get_urls(),
        ]

    def create_token(self, request: HttpRequest, pk: Any) -> HttpResponse:
        """Make a token and show it, this once."""
        whisperer = self._changeable(request, pk)
        token, secret = token_create(
            whisperer=whisperer, label=request.POST.get("label", "")[:100], actor=_actor(request)
        )
        self.log_change(request, whisperer, f"Created the token {token}.")
        words = "The new token, shown only now. Keep it where the agent finds it: <code>{}</code>"
        messages.success(request, format_html(words, secret))
        return self._back(whisperer.pk)

    def revoke_token(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Refuse a token from now on."""
        token = get_object_or_404(WhispererToken, pk=pk)
        whisperer = self._changeable(request, token.whisperer_id)
        if token_revoke(token=token, actor=_actor(request)):
            self.log_change(request, whisperer, f"Revoked the token {token}.")
            messages.success(request, f"The token {token} opens nothing any more.")
        return self._back(whisperer.pk)

    def _changeable(self, request: HttpRequest, pk: Any) -> Whisperer:
        whisperer = get_object_or_404(Whisperer, pk=pk)
        if not self.has_change_permission(request, whisperer):
            raise PermissionDenied
        return whisperer

    def _back(self, pk: Any) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:whisperers_whisperer_change", args=[pk]))


@admin.register(Change)
class ChangeAdmin(admin.ModelAdmin):
    """The audit log: to read, never to change."""

    list_display = ("at", "actor_name", "action", "subject", "part")
    list_filter = ("action", "part", "at")
    search_fields = ("subject", "actor_name")
    date_hierarchy = "at"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def _actor(request: HttpRequest) -> User:
    """Who is signed in: the admin is open to nobody else."""
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


class ServiceTokenInline(admin.TabularInline):
    """The tokens of a service account: to look at, and to revoke on its page."""

    model = ServiceToken
    extra = 0
    fields = ("prefix", "label", "write", "created", "expires", "last_used", "revoked")
    readonly_fields = fields
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(ServiceAccount)
class ServiceAccountAdmin(admin.ModelAdmin):
    """Service accounts: to look at, to give to somebody else, to delete. They are made, and get rights and tokens, on
    their own pages."""

    list_display = ("name", "owner", "team", "works", "about", "created")
    search_fields = ("user__username", "owner__username", "about")
    list_select_related = ("user", "owner", "team")
    fields = ("name", "owner", "about", "team", "works", "created")
    readonly_fields = ("name", "team", "works", "created")
    raw_id_fields = ("owner",)
    inlines = (ServiceTokenInline,)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    @admin.display(description="state")
    def works(self, account: ServiceAccount) -> str:
        return account.stopped or "works"

    def save_model(self, request: HttpRequest, obj: ServiceAccount, form: forms.ModelForm, change: bool) -> None:
        said, row = form.cleaned_data, ServiceAccount.objects.get(pk=obj.pk)
        try:
            account_update(account=row, owner=said["owner"], about=said["about"], actor=_actor(request))
        except ApplicationError as error:
            messages.error(request, error.message)

    def delete_model(self, request: HttpRequest, obj: ServiceAccount) -> None:
        account_delete(account=obj, actor=_actor(request))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[ServiceAccount]) -> None:
        for account in queryset:
            account_delete(account=account, actor=_actor(request))


class PolicyForm(forms.ModelForm):
    """Days that fit each other."""

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        if not self.errors:
            check_order(StoragePolicy(name=self.instance.pk or found["name"], **{name: found[name] for name in DAYS}))
        return found


@admin.register(StoragePolicy)
class PolicyAdmin(admin.ModelAdmin):
    """Storage policies. One that whisperers use is not deleted."""

    form = PolicyForm
    list_display = ("name", "title", *DAYS)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("name",) if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        is_used = obj is not None and Whisperer.objects.filter(policy=obj.pk).exists()
        return not is_used and super().has_delete_permission(request, obj)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Without the one that deletes many at once, which would not ask."""
        return {}
