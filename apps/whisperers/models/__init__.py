"""What is kept of whisperers: their configuration, who may do what, the agents, and what was changed."""

from apps.whisperers.models.access import RIGHTS, Enrolment, Grant, WhispererToken
from apps.whisperers.models.accounts import ServiceAccount, ServiceToken
from apps.whisperers.models.history import Change
from apps.whisperers.models.instances import Instance, Sample
from apps.whisperers.models.policies import StoragePolicy
from apps.whisperers.models.whisperers import Defaults, Team, Whisperer, policy_validator

__all__ = [
    "RIGHTS",
    "Change",
    "Defaults",
    "Enrolment",
    "Grant",
    "Instance",
    "Sample",
    "ServiceAccount",
    "ServiceToken",
    "StoragePolicy",
    "Team",
    "Whisperer",
    "WhispererToken",
    "policy_validator",
]
