"""How the column of facets begins, as the person left it."""

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from apps.httpcomms.facets import arrangement_of
from apps.whisperers.rights import Person

register = template.Library()


@register.simple_tag
def facets_column(user: Person) -> SafeString:
    """Attributes of the part of the page that holds the column: its width, and whether it is folded."""
    kept = arrangement_of(user)
    return format_html('data-width="{}"{}', kept.width, mark_safe(" data-folded") if kept.closed else "")
