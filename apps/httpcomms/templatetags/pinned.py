"""Whether the page offers to pin, and how much."""

from django import template

from apps.httpcomms import pins
from apps.whisperers.rights import Person, visible_whisperers

register = template.Library()


@register.simple_tag
def may_pin(user: Person) -> bool:
    """Whether the person may pin anything at all."""
    return visible_whisperers(user, "pin").exists()


@register.simple_tag
def pins_most() -> int:
    """Communications of one pin."""
    return pins.MOST
