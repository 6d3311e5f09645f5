"""What people keep of the search screens, pin of what is stored, and ask to be removed of it."""

import uuid

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models

from apps.httpcomms.ranges import Range
from apps.whisperers.models import Team, Whisperer


class Preference(models.Model):
    """What a person chose once and expects to find again: the columns of a grid, the rules of the map."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="preferences")
    name = models.CharField(max_length=40)
    value = models.JSONField()
    changed = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "name"], name="one_preference_of_a_name")]

    def __str__(self) -> str:
        return f"{self.name} of {self.user}"


class SavedQuery(models.Model):
    """A query with the state of the page around it, kept under a name and maybe shared with teams.

    It carries no rights: whoever opens it sees what they may see.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="saved_queries")
    name = models.CharField(max_length=80)
    note = models.CharField(max_length=500, blank=True)
    query = models.TextField(blank=True)
    parameters = models.JSONField(default=dict, blank=True)  # of the page's address, but for the query
    teams = models.ManyToManyField(Team, blank=True, related_name="saved_queries")
    created = models.DateTimeField(auto_now_add=True)
    changed = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name", "created"]
        constraints = [models.UniqueConstraint(fields=["owner", "name"], name="one_saved_query_of_a_name")]

    def __str__(self) -> str:
        return self.name


class Purge(models.Model):
    """A removal of a part of what a whisperer captured: what was asked for, and how far it came."""

    class State(models.TextChoices):
        WAITING = "waiting", "waiting"
        RUNNING = "running", "under way"
        DONE = "done", "done"
        CANCELLED = "cancelled", "cancelled"
        FAILED = "failed", "failed"

    whisperer = models.ForeignKey(Whisperer, on_delete=models.CASCADE, related_name="purges")
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    actor_name = models.CharField(max_length=150)
    query = models.TextField(blank=True)
    since = models.BigIntegerField(null=True)  # nanoseconds; null is open
    until = models.BigIntegerField(null=True)
    kinds = ArrayField(models.CharField(max_length=14))
    pinned = models.BooleanField(default=False)  # whether what is pinned goes too
    planned = models.JSONField(default=dict)  # documents by kind, as they were counted before
    removed = models.JSONField(default=dict)  # documents by kind, so far
    state = models.CharField(max_length=9, choices=State, default=State.WAITING)
    reason = models.CharField(max_length=300, blank=True)  # why it failed
    created = models.DateTimeField(auto_now_add=True)
    touched = models.DateTimeField(auto_now_add=True)  # by the last step
    ended = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.whisperer}: {self.query or 'a time range'}, {self.state}"

    @property
    def span(self) -> Range:
        """The time range that was asked for."""
        return Range(self.since, self.until)

    @property
    def active(self) -> bool:
        """Whether it can still be cancelled."""
        return self.state in (self.State.WAITING, self.State.RUNNING)


class Pin(models.Model):
    """Communications that outlive retention, with their TCP sessions, bodies and packets."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=80)
    note = models.CharField(max_length=500, blank=True)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="pins")
    owner_name = models.CharField(max_length=150)
    query = models.TextField(blank=True)  # that found them; empty where they were chosen one by one
    created = models.DateTimeField(auto_now_add=True)
    removed = models.DateTimeField(null=True, editable=False)  # since then its copies are being removed

    class Meta:
        ordering = ["-created"]

    def __str__(self) -> str:
        return self.name


class PinnedCommunication(models.Model):
    """One communication of a pin."""

    pin = models.ForeignKey(Pin, on_delete=models.CASCADE, related_name="communications")
    whisperer = models.ForeignKey(Whisperer, on_delete=models.CASCADE, related_name="+")
    communication = models.CharField(max_length=100)
    session = models.CharField(max_length=100, db_index=True)
    date = models.BigIntegerField()  # nanoseconds, as in the document

    class Meta:
        constraints = [models.UniqueConstraint(fields=["pin", "communication"], name="a_pin_names_one_once")]
        indexes = [models.Index(fields=["communication"])]

    def __str__(self) -> str:
        return self.communication
