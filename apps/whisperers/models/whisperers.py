"""A whisperer is the record an agent works for: its mode, whether it should capture, and its own part of the
configuration. What it leaves open its team says, and what that leaves open the server's defaults say."""

import uuid

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models

from documents.ids import PINNED

#: A policy is part of index names and of document ids, where "-" parts the words.
policy_validator = RegexValidator(
    rf"^(?!{PINNED}\Z)[a-z][a-z0-9]{{0,30}}\Z",
    f"Use lower-case letters and digits, starting with a letter; {PINNED} is where pins are kept.",
)


#: What the server's own level is called, in the audit log too.
DEFAULTS_NAME = "server defaults"


def own_name(name: str) -> None:
    """Refuse the name by which the audit log knows the server's defaults."""
    if name.strip().lower() == DEFAULTS_NAME:
        raise ValidationError({"name": f"{DEFAULTS_NAME!r} is what the server's own level is called: take another."})


class Configured(models.Model):
    """One level of the configuration: only the values that are set here, by the names of their fields."""

    capture = models.JSONField("capture configuration", default=dict, blank=True, help_text="What agents do.")
    parsing = models.JSONField("parsing configuration", default=dict, blank=True, help_text="What workers do.")

    class Meta:
        abstract = True


class Defaults(Configured):
    """The server's own level: a single row."""

    class Meta:
        verbose_name_plural = "defaults"

    def __str__(self) -> str:
        return DEFAULTS_NAME

    @classmethod
    def get(cls) -> "Defaults":
        """The row, made when it is first asked for."""
        return cls.objects.get_or_create(pk=1)[0]


class Team(Configured):
    """People who share whisperers, and the configuration that these inherit."""

    name = models.CharField(max_length=100, unique=True)
    members = models.ManyToManyField(settings.AUTH_USER_MODEL, blank=True, related_name="teams")
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        own_name(self.name)


class Whisperer(Configured):
    """One source of captures, run by one or more agents."""

    class Mode(models.TextChoices):
        INTERFACE = "INTERFACE", "Interface: live traffic of a network interface"
        FILE = "FILE", "File: a capture file read by an agent"
        UPLOAD = "UPLOAD", "Upload: capture files sent from the browser"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=100, unique=True)
    mode = models.CharField(max_length=9, choices=Mode, help_text="Fixed once the whisperer exists.")
    team = models.ForeignKey(Team, null=True, blank=True, on_delete=models.SET_NULL, related_name="whisperers")
    capturing = models.BooleanField(default=False, help_text="Whether its agents should capture.")
    capturing_since = models.DateTimeField(null=True, blank=True, help_text="When that was last changed.")
    policy = models.CharField(
        "storage policy",
        max_length=31,
        default="default",
        validators=[policy_validator],
        help_text="Decides how long its data is kept. A change affects new data only.",
    )
    created = models.DateTimeField(auto_now_add=True)
    updated = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Refuse a change of mode: everything captured so far was captured under the old one."""
        own_name(self.name)
        stored = Whisperer.objects.filter(pk=self.pk).values_list("mode", flat=True).first()
        if stored is not None and stored != self.mode:
            raise ValidationError({"mode": f"The mode is fixed: this whisperer was created as {stored}."})
