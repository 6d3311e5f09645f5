"""Programs that use the API as a person does: an account, and tokens that open it.

An account is a user without a password, so that rights, history and logs know it as they know anyone; its owner answers
for it and bounds what it may do. How tokens are kept is told in `models.access`.
"""

from django.conf import settings
from django.db import models

from apps.whisperers.models.access import Secret
from apps.whisperers.models.whisperers import Team


class ServiceAccount(models.Model):
    """What makes a user a service account. Its name and whether it is active are the user's."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="service")
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="service_accounts",
        help_text="Who answers for it: it may never do more than they, and nothing while they are not active.",
    )  # fmt: skip
    team = models.ForeignKey(
        Team, null=True, blank=True, on_delete=models.SET_NULL, related_name="+",
        help_text="It is a member of this team and has its rights.",
    )  # fmt: skip
    about = models.CharField(max_length=200, blank=True, help_text="What it is for.")
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["user__username"]

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        return self.user.get_username()

    @property
    def stopped(self) -> str:
        """Why its tokens open nothing at present; empty when they do."""
        if not self.user.is_active:
            return "It was stopped."
        if self.user.is_staff or self.user.is_superuser:
            return "It was made staff, which no program may be."
        if self.owner is None:
            return "It has no owner any more: staff may name another."
        return "" if self.owner.is_active else "Its owner is not active: staff may name another."


class ServiceToken(Secret):
    """What a program shows: `Authorization: Bearer sps_…`."""

    account = models.ForeignKey(ServiceAccount, on_delete=models.CASCADE, related_name="tokens")
    label = models.CharField(max_length=100, blank=True, help_text="Where it is used.")
    write = models.BooleanField(default=False, help_text="It may change things; else it only reads.")
    expires = models.DateTimeField()
    last_used = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["-created"]
