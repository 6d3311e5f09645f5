"""Reprocessing: sessions that are stored are read anew from their packets, with the parser and the rules of now."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q

from apps.httpcomms.ranges import Range
from apps.whisperers.models import Whisperer


class Reprocessing(models.Model):
    """One run over the TCP sessions of a whisperer that a query finds in a range, and how far it is.

    A run goes from page to page of what the query finds. Each page is a step with a number of its own, which no other
    step of any run has: documents of the step carry it in their version, so a step that is repeated because its worker
    died writes the same documents again. `parts` are the batches of the step that were counted: they are counted once.
    """

    class State(models.TextChoices):
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        CANCELLED = "cancelled", "Cancelled: what was done stays"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    whisperer = models.ForeignKey(Whisperer, on_delete=models.CASCADE, related_name="reprocessings")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    query = models.TextField(blank=True, help_text="Of communications; empty for all of them, and all TCP sessions.")
    since = models.BigIntegerField(null=True, help_text="Nanoseconds since 1970.")
    until = models.BigIntegerField(help_text="Nanoseconds since 1970; not part of the range.")
    state = models.CharField(max_length=9, choices=State, default=State.RUNNING)
    created = models.DateTimeField(auto_now_add=True)
    ended = models.DateTimeField(null=True, blank=True)

    resource = models.CharField(max_length=11, default="httpcomms", help_text="Of which it goes through the pages.")
    after = models.TextField(blank=True, help_text="Where its next page begins.")
    total = models.BigIntegerField(default=0, help_text="Documents that were found when it began.")
    looked_at = models.BigIntegerField(default=0, help_text="Documents on the pages that are done.")
    counts = models.JSONField(default=dict, help_text="What became of sessions and communications.")
    fields = models.JSONField(default=dict, help_text="Fields of communications that changed, and in how many.")
    left_before = models.JSONField(null=True, help_text="Sessions that were left, by reason, since most are forgotten.")

    first_step = models.BigIntegerField(default=0, help_text="Number of its first step: later versions are its own.")
    step = models.BigIntegerField(default=0, help_text="Number of the step under way, 0 between two.")
    parts = models.PositiveIntegerField(default=0, help_text="Batches of the step that are counted.")
    takes = models.PositiveSmallIntegerField(default=0, help_text="How often the step was begun.")
    token = models.CharField(max_length=16, blank=True)
    leased_until = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-created"]
        constraints = [
            models.UniqueConstraint(
                fields=["whisperer"], condition=Q(state="running"), name="one_reprocessing_of_a_whisperer"
            )
        ]

    def __str__(self) -> str:
        return f"{self.whisperer_id}: {self.query or 'everything'} ({self.state})"

    @property
    def span(self) -> Range:
        """The time range that was asked for."""
        return Range(self.since, self.until)

    @property
    def running(self) -> bool:
        """Whether it goes on, and can be cancelled."""
        return self.state == self.State.RUNNING


class LeftSession(models.Model):
    """A TCP session that a run left as it was, and why."""

    class Reason(models.TextChoices):
        OPEN = "open", "It was open still"
        PACKETS = "packets", "Not all its packets are kept, or something of it was set aside"
        RECORD = "record", "Its record is not stored any more"
        CAPTURE = "capture", "Its capture is not known any more"
        PINNED = "pinned", "A pin alone keeps it: its day is over"
        FAILED = "failed", "The parser failed: the worker's log has the trace"
        DIED = "died", "Workers died of it, or of another on its page"

    reprocessing = models.ForeignKey(Reprocessing, on_delete=models.CASCADE, related_name="left")
    session = models.CharField(max_length=64, help_text="Id of its document.")
    reason = models.CharField(max_length=7, choices=Reason)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["reprocessing", "session"], name="left_once")]

    def __str__(self) -> str:
        return f"{self.session}: {self.reason}"
