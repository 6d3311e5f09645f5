"""Who may do what: people and teams by grants, agents by keys, new agents by enrolments.

A key or an enrolment is 256 random bits, so one round of SHA-256 is enough to keep it: there is nothing to guess, and
the look-up is one indexed equality. Its text is shown once and stored nowhere.
"""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models

from apps.whisperers.models.instances import Instance
from apps.whisperers.models.whisperers import Team, Whisperer

#: Every right that a grant can give, with what it allows.
RIGHTS = {
    "see": "see the whisperer, its state and its configuration",
    "search": "search and read what it captured",
    "packets": "read packets as they were, credentials unmasked",
    "startStop": "start and stop capture",
    "configure": "change its configuration, enrol and revoke agents",
    "share": "give rights to others and take them away",
    "pin": "keep communications beyond their days",
    "purge": "remove what it captured",
    "delete": "delete the whisperer with everything it captured",
}


class Grant(models.Model):
    """Rights of one person or one team on one whisperer."""

    whisperer = models.ForeignKey(Whisperer, on_delete=models.CASCADE, related_name="grants")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.CASCADE, related_name="grants"
    )
    team = models.ForeignKey(Team, null=True, blank=True, on_delete=models.CASCADE, related_name="grants")
    rights = ArrayField(models.CharField(max_length=10, choices=list(RIGHTS.items())), default=list)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(user=None) ^ models.Q(team=None), name="grant_to_a_user_or_a_team"
            ),
            models.UniqueConstraint(fields=["whisperer", "user"], name="one_grant_a_user"),
            models.UniqueConstraint(fields=["whisperer", "team"], name="one_grant_a_team"),
        ]

    def __str__(self) -> str:
        return f"{self.user or self.team}: {', '.join(self.rights)}"


class Secret(models.Model):
    """What is kept of a text that opens something."""

    prefix = models.CharField(max_length=12, editable=False)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    created = models.DateTimeField(auto_now_add=True)
    revoked = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.prefix}…"


class Enrolment(Secret):
    """Lets new hosts join a whisperer, until it expires or is revoked."""

    whisperer = models.ForeignKey(Whisperer, on_delete=models.CASCADE, related_name="enrolments")
    expires = models.DateTimeField()
    uses = models.PositiveIntegerField(default=0, editable=False)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        ordering = ["-created"]


class WhispererToken(Secret):
    """What an agent shows: to upload for a whisperer, or to read its configuration and tell its status."""

    class Kind(models.TextChoices):
        UPLOAD = "upload", "Upload chunks"
        READ = "read", "Read the configuration, report status"

    whisperer = models.ForeignKey(Whisperer, on_delete=models.CASCADE, related_name="tokens")
    instance = models.ForeignKey(Instance, null=True, blank=True, on_delete=models.CASCADE, related_name="tokens")
    kind = models.CharField(max_length=6, choices=Kind, default=Kind.UPLOAD)
    label = models.CharField(max_length=100, blank=True, help_text="Where it is used.")
    last_used = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["whisperer__name", "-created"]
