"""An instance is an agent on one host: what it last said of itself, and its figures of the last day."""

import uuid

from django.db import models

from apps.whisperers.models.whisperers import Whisperer


class Instance(models.Model):
    """One enrolled agent."""

    class State(models.TextChoices):
        """What an agent reports."""

        STARTING = "starting", "Starting"
        STOPPED = "stopped", "Stopped"
        CAPTURING = "capturing", "Capturing"
        PAUSED = "paused", "Paused by a limit"
        WRONG = "wrong", "Wrong configuration"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    whisperer = models.ForeignKey(Whisperer, on_delete=models.CASCADE, related_name="instances")
    name = models.CharField(max_length=200, help_text="The host's name.")
    version = models.CharField(max_length=40, blank=True, help_text="Of the agent.")
    state = models.CharField(max_length=9, choices=State, default=State.STARTING)
    reason = models.CharField(max_length=500, blank=True, help_text="Why it is in this state, in words.")
    applied = models.CharField(max_length=32, blank=True, help_text="Revision of the configuration in force there.")
    interfaces = models.JSONField(default=list, help_text="Name, addresses, up, link type of each.")
    figures = models.JSONField(default=dict, help_text="What its last status said in numbers.")
    enrolled = models.DateTimeField(auto_now_add=True)
    last_seen = models.DateTimeField(null=True, blank=True)
    revoked = models.DateTimeField(null=True, blank=True)
    rotating = models.DateTimeField(null=True, blank=True, help_text="When new keys were asked for; empty once in use.")

    class Meta:
        ordering = ["name", "enrolled"]

    def __str__(self) -> str:
        return self.name


class Sample(models.Model):
    """Figures of an instance at one moment; kept for a day, for the charts."""

    instance = models.ForeignKey(Instance, on_delete=models.CASCADE, related_name="samples")
    at = models.DateTimeField()
    figures = models.JSONField(default=dict)

    class Meta:
        ordering = ["at"]
        indexes = [models.Index(fields=["instance", "at"])]

    def __str__(self) -> str:
        return f"{self.instance_id} {self.at:%H:%M:%S}"
