"""What the storage page says of a policy."""

from django import template

from apps.whisperers.models import StoragePolicy

register = template.Library()


@register.simple_tag
def own(record: StoragePolicy | None, kind: str) -> str:
    """A policy's own days of a kind; empty where the settings decide."""
    days = getattr(record, kind, None)
    return "" if days is None else str(days)
