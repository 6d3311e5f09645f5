"""A capture is one run of an agent, or one uploaded file: numbered chunks that end with a final message.

While it is open Redis knows how far it is; PostgreSQL keeps the row that says whether it may still grow, and at its end
the cursor, the holes and the totals, so that a chunk which comes after the end is told from one that is sent twice.
"""

import uuid

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Greatest, Least

from apps.whisperers.models import Whisperer

#: Capture ids are chosen by agents (random, never used again) and become parts of keys: no separator, no surprise.
CAPTURE_ID = r"[A-Za-z0-9][A-Za-z0-9_.-]{7,63}"
capture_id_validator = RegexValidator(
    rf"^{CAPTURE_ID}\Z", "Use 8 to 64 letters, digits, dots, dashes and underscores, starting with a letter or digit."
)


class Capture(models.Model):
    """One run of an agent."""

    class State(models.TextChoices):
        OPEN = "open", "Open: chunks may still come"
        CLOSED = "closed", "Closed: everything is stored"

    id = models.CharField(primary_key=True, max_length=64, validators=[capture_id_validator])
    whisperer = models.ForeignKey(Whisperer, on_delete=models.CASCADE, related_name="captures")
    instance = models.CharField(max_length=200, blank=True, help_text="The host whose agent made it.")
    interface = models.CharField(max_length=400, blank=True, help_text="The interface, or the file's name.")
    policy = models.CharField("storage policy", max_length=31)
    partitions = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=6, choices=State, default=State.OPEN)
    opened = models.DateTimeField(auto_now_add=True)
    closed = models.DateTimeField(null=True, blank=True)
    first_packet = models.BigIntegerField(null=True, blank=True, help_text="Nanoseconds since 1970.")
    last_packet = models.BigIntegerField(null=True, blank=True, help_text="Nanoseconds since 1970.")
    next_chunk = models.BigIntegerField(default=0, help_text="Lowest number not passed when it closed.")
    holes = models.JSONField(default=dict, blank=True, help_text="Missing chunk numbers and the packets in them.")
    totals = models.JSONField(default=dict, blank=True, help_text="Sums of the accounting at the end.")
    remade = models.JSONField(
        default=dict, editable=False, help_text="Documents that reprocessing made more, or fewer, by resource."
    )
    checked = models.DateTimeField(null=True, editable=False, help_text="When they were compared with what is stored.")

    class Meta:
        ordering = ["-opened"]
        indexes = [models.Index(fields=["state", "opened"])]

    def __str__(self) -> str:
        return self.id

    @property
    def rate(self) -> float:
        """Bytes a second of a closed capture, 0 when unknown."""
        if self.first_packet is None or self.last_packet is None or self.last_packet <= self.first_packet:
            return 0.0
        return float(self.totals.get("bytes.uploaded", 0)) * 1e9 / (self.last_packet - self.first_packet)


class Spool(models.Model):
    """A capture file that waits on disk to be cut into chunks, and how far that is."""

    capture = models.OneToOneField(Capture, on_delete=models.CASCADE, primary_key=True, related_name="spool")
    path = models.CharField(max_length=500)
    size = models.BigIntegerField(help_text="Bytes on disk, as sent.")
    next_chunk = models.BigIntegerField(default=0)
    resume = models.JSONField(default=dict, help_text="Where the next piece starts.")
    error = models.CharField(max_length=500, blank=True)
    created = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.capture_id}: {self.size} bytes"


class Upload(models.Model):
    """A file that a person sends from the browser: how much of it is here, and what became of it.

    Its bytes lie in the upload folder under `file_name` until they are read, given up, or too old.
    """

    class State(models.TextChoices):
        RECEIVING = "receiving", "Receiving: more of it is to come"
        WAITING = "waiting", "Waiting: whole, to be checked and unpacked by a worker"
        READING = "reading", "Reading: it is cut and parsed"
        DONE = "done", "Done: everything in it was read"
        FAILED = "failed", "Failed: the error says why"
        DUPLICATE = "duplicate", "Duplicate: the same bytes were uploaded before"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    whisperer = models.ForeignKey(Whisperer, on_delete=models.CASCADE, related_name="uploads")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    name = models.CharField(max_length=255, help_text="As the person's computer calls it.")
    size = models.BigIntegerField(help_text="Bytes, as sent.")
    modified = models.BigIntegerField(default=0, help_text="Its last change, ms since 1970, as the browser says.")
    metadata = models.CharField(max_length=4000, blank=True, help_text="What the client said of it.")
    offset = models.BigIntegerField(default=0, help_text="Bytes that are here.")
    expected = models.CharField(max_length=64, blank=True, help_text="SHA-256 that the client says it has.")
    sha256 = models.CharField(max_length=64, blank=True, help_text="SHA-256 of the file as it arrived.")
    checked = models.BigIntegerField(default=0, help_text="Bytes that a worker has checked.")
    state = models.CharField(max_length=9, choices=State, default=State.RECEIVING)
    error = models.CharField(max_length=500, blank=True, help_text="Why it failed, or what it waits for.")
    capture = models.ForeignKey(Capture, null=True, on_delete=models.SET_NULL, related_name="uploads")
    again = models.BooleanField(default=False, help_text="To be read even if the same bytes were uploaded before.")
    first = models.ForeignKey("self", null=True, on_delete=models.SET_NULL, related_name="duplicates")
    leased_until = models.DateTimeField(null=True, help_text="Until then a worker has it in hand.")
    created = models.DateTimeField(auto_now_add=True)
    updated = models.DateTimeField(auto_now=True)
    expires = models.DateTimeField(help_text="When its bytes are removed, should nothing happen until then.")

    class Meta:
        ordering = ["-created", "name"]
        indexes = [
            models.Index(fields=["whisperer", "sha256"]),
            models.Index(fields=["whisperer", "-created"]),
            models.Index(fields=["state", "expires"]),
        ]

    def __str__(self) -> str:
        return f"{self.name}: {self.state}"

    @property
    def file_name(self) -> str:
        """The name of its bytes in the upload folder."""
        return f"{self.pk.hex}.part"


def capture_saw(capture: str, first: int, last: int) -> None:
    """Widen a capture's own time range by the packets of one chunk (nanoseconds since 1970)."""
    Capture.objects.filter(pk=capture).update(
        first_packet=Least(models.functions.Coalesce("first_packet", first), first),
        last_packet=Greatest(models.functions.Coalesce("last_packet", last), last),
    )
