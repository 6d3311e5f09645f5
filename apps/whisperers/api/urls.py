"""Addresses of the API of whisperers, teams and defaults."""

from django.urls import path

from apps.whisperers.api import (
    accounts,
    agents,
    changes,
    configuration,
    policies,
    sharing,
    teams,
    tokens,
    users,
    whisperers,
)

ONE = "api/v1/whisperers/<uuid:id>/"
TEAM = "api/v1/teams/<int:id>/"
DEFAULTS = "api/v1/defaults/"
ACCOUNT = "api/v1/service-accounts/<int:id>/"

urlpatterns = [
    path("api/v1/whisperers/", whisperers.WhispererListApi.as_view(), name="api-whisperers"),
    path(ONE, whisperers.WhispererOneApi.as_view(), name="api-whisperer"),
    path(ONE + "start/", whisperers.StartApi.as_view(), name="api-whisperer-start"),
    path(ONE + "stop/", whisperers.StopApi.as_view(), name="api-whisperer-stop"),
    path(ONE + "purge/", whisperers.PurgeApi.as_view(), name="api-whisperer-purge"),
    path(ONE + "config/<str:kind>/", configuration.ConfigurationApi.as_view(), name="api-whisperer-config"),
    path(
        ONE + "config/<str:kind>/schema/",
        configuration.ConfigurationSchemaApi.as_view(),
        name="api-whisperer-config-schema",
    ),
    path(
        ONE + "config/<str:kind>/copy/", configuration.ConfigurationCopyApi.as_view(), name="api-whisperer-config-copy"
    ),
    path(ONE + "changes/", changes.ChangesApi.as_view(), name="api-whisperer-changes"),
    path(ONE + "changes/<int:number>/undo/", changes.UndoApi.as_view(), name="api-whisperer-undo"),
    path(ONE + "instances/", agents.InstancesApi.as_view(), name="api-whisperer-instances"),
    path(ONE + "instances/<uuid:instance>/", agents.InstanceApi.as_view(), name="api-whisperer-instance"),
    path(ONE + "instances/<uuid:instance>/rotate/", agents.RotateApi.as_view(), name="api-whisperer-instance-rotate"),
    path(ONE + "enrolments/", agents.EnrolmentsApi.as_view(), name="api-whisperer-enrolments"),
    path(ONE + "enrolments/<int:number>/", agents.EnrolmentApi.as_view(), name="api-whisperer-enrolment"),
    path(ONE + "tokens/", tokens.TokensApi.as_view(), name="api-whisperer-tokens"),
    path(ONE + "tokens/<int:number>/", tokens.TokenApi.as_view(), name="api-whisperer-token"),
    path(ONE + "grants/", sharing.GrantsApi.as_view(), name="api-whisperer-grants"),
    path(ONE + "grants/<int:number>/", sharing.GrantApi.as_view(), name="api-whisperer-grant"),
    path("api/v1/users/", users.UsersApi.as_view(), name="api-users"),
    path("api/v1/users/<str:name>/", users.UserApi.as_view(), name="api-user"),
    path("api/v1/teams/", teams.TeamsApi.as_view(), name="api-teams"),
    path(TEAM, teams.TeamApi.as_view(), name="api-team"),
    path(TEAM + "config/<str:kind>/", configuration.TeamConfigurationApi.as_view(), name="api-team-config"),
    path(TEAM + "changes/", changes.TeamChangesApi.as_view(), name="api-team-changes"),
    path(TEAM + "changes/<int:number>/undo/", changes.TeamUndoApi.as_view(), name="api-team-undo"),
    path(DEFAULTS + "config/<str:kind>/", configuration.DefaultsConfigurationApi.as_view(), name="api-defaults-config"),
    path(
        DEFAULTS + "config/<str:kind>/schema/",
        configuration.DefaultsSchemaApi.as_view(),
        name="api-defaults-config-schema",
    ),
    path(DEFAULTS + "changes/", changes.DefaultsChangesApi.as_view(), name="api-defaults-changes"),
    path(DEFAULTS + "changes/<int:number>/undo/", changes.DefaultsUndoApi.as_view(), name="api-defaults-undo"),
    path("api/v1/policies/", policies.PoliciesApi.as_view(), name="api-policies"),
    path("api/v1/policies/<str:name>/", policies.PolicyApi.as_view(), name="api-policy"),
    path("api/v1/service-accounts/", accounts.AccountsApi.as_view(), name="api-service-accounts"),
    path(ACCOUNT, accounts.AccountApi.as_view(), name="api-service-account"),
    path(ACCOUNT + "tokens/", accounts.AccountTokensApi.as_view(), name="api-service-account-tokens"),
    path(ACCOUNT + "tokens/<int:number>/", accounts.AccountTokenApi.as_view(), name="api-service-account-token"),
    path(ACCOUNT + "grants/<uuid:whisperer>/", accounts.AccountGrantApi.as_view(), name="api-service-account-grant"),
]
