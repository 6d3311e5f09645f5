"""The audit log: who changed what of a whisperer, and when. Written in the transaction of the change, never changed."""

from django.conf import settings
from django.db import models

from apps.whisperers.models.whisperers import Team, Whisperer


class Change(models.Model):
    """One change. It outlives the whisperer and the person, so both names are kept."""

    at = models.DateTimeField(auto_now_add=True)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    actor_name = models.CharField(max_length=150, blank=True, help_text="Empty: the server itself or an agent.")
    whisperer = models.ForeignKey(Whisperer, null=True, on_delete=models.SET_NULL, related_name="changes")
    team = models.ForeignKey(Team, null=True, on_delete=models.SET_NULL, related_name="changes")
    subject = models.CharField(max_length=120, help_text="Name of the whisperer, team or default.")
    action = models.CharField(max_length=20)  # a word of apps.whisperers.services.audit
    part = models.CharField(max_length=10, blank=True)  # "capture" or "parsing" where a configuration changed
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)

    class Meta:
        ordering = ["-at", "-pk"]
        indexes = [models.Index(fields=["whisperer", "-at"])]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.actor_name or 'server'}: {self.action} {self.subject}"
