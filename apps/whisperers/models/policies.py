"""A storage policy: how many days the data that is captured under it stays."""

from django.core.validators import MaxValueValidator
from django.db import models

from apps.whisperers.models.whisperers import policy_validator

#: A hundred years: longer is "for ever", which 0 says.
MOST_DAYS = 36_500


def _days(what: str) -> models.PositiveIntegerField:
    words = f"Days that {what} stay. Empty: as long as the server's settings say. 0: for ever."
    most = [MaxValueValidator(MOST_DAYS)]
    return models.PositiveIntegerField(null=True, blank=True, validators=most, help_text=words)


class StoragePolicy(models.Model):
    """Days by kind of data, under the name that is part of document ids and of tables' and indexes' names. What is
    stored under a name that has no record stays as long as the settings say."""

    name = models.CharField(primary_key=True, max_length=31, validators=[policy_validator])
    title = models.CharField(max_length=200, blank=True, help_text="What it is for.")
    packets = _days("packets")
    bodies = _days("whole bodies")
    communications = _days("communications, TCP sessions and the accounting")

    class Meta:
        ordering = ["name"]
        verbose_name_plural = "storage policies"

    def __str__(self) -> str:
        return self.name
