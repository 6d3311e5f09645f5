"""What people keep of the search screens."""

import uuid

from django.conf import settings
from django.db import models

from apps.whisperers.models import Team


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
