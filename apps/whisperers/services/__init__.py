"""Write side of whisperers. Whether somebody may do it is asked by the views (`rights.require`), not here."""

from apps.whisperers.services.configuration import (
    ConfigurationError,
    configuration_copy,
    configuration_set,
    configuration_try,
    configuration_undo,
)
from apps.whisperers.services.enrolment import agent_enrol, install_command, instance_rotate
from apps.whisperers.services.sharing import grant_set
from apps.whisperers.services.status import samples_trim, status_take
from apps.whisperers.services.teams import team_create, team_delete, team_members_set, team_rename
from apps.whisperers.services.tokens import (
    enrolment_create,
    enrolment_revoke,
    instance_revoke,
    token_create,
    token_digest,
    token_revoke,
    token_use,
)
from apps.whisperers.services.whisperers import (
    whisperer_capture,
    whisperer_create,
    whisperer_delete,
    whisperer_move,
    whisperer_purge,
    whisperer_rename,
)

__all__ = [
    "ConfigurationError",
    "agent_enrol",
    "configuration_copy",
    "configuration_set",
    "configuration_try",
    "configuration_undo",
    "enrolment_create",
    "enrolment_revoke",
    "grant_set",
    "install_command",
    "instance_revoke",
    "instance_rotate",
    "samples_trim",
    "status_take",
    "team_create",
    "team_delete",
    "team_members_set",
    "team_rename",
    "token_create",
    "token_digest",
    "token_revoke",
    "token_use",
    "whisperer_capture",
    "whisperer_create",
    "whisperer_delete",
    "whisperer_move",
    "whisperer_purge",
    "whisperer_rename",
]
