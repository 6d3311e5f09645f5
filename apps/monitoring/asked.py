"""What is asked of the accounting, by the page and by the API alike: whose, when, and the answer."""

from collections.abc import Mapping
from uuid import UUID

from django.utils import timezone

from apps.core.errors import ApplicationError
from apps.httpcomms import ranges, requests
from apps.httpcomms.ranges import Range
from apps.monitoring import selectors
from apps.monitoring.selectors import Packets
from apps.whisperers.models import Whisperer
from apps.whisperers.rights import Person, scope_for
from store.documents import Scope, TookTooLong


def read_whisperer(parameters: Mapping[str, str]) -> UUID | None:
    """The whisperer asked for, None for all. Raises ApplicationError."""
    text = parameters.get("whisperer", "").strip()
    if not text:
        return None
    try:
        return UUID(text)
    except ValueError:
        message = f"whisperer is {text[:40]!r}: give the id of a whisperer, as its page has it in its address."
        raise ApplicationError(message, code="invalid", field="whisperer") from None


def read_span(parameters: Mapping[str, str]) -> Range:
    """The range asked for, closed; the last hour where it has no beginning. Raises ApplicationError."""
    found, now = requests.read_range(parameters, timezone.get_current_timezone()), requests.now()
    until = now if found.until is None else found.until
    since = ranges.moment(ranges.DEFAULT, until) if found.since is None else found.since
    if since >= until:
        raise ApplicationError("The range ends before it begins.", code="invalid", field="to")
    return Range(since, until)


def scope_of(person: Person, whisperer: Whisperer | None) -> Scope:
    """One whisperer, which the person may see, or all that they may."""
    return frozenset([str(whisperer.pk)]) if whisperer else scope_for(person, "see")


def packets(person: Person, parameters: Mapping[str, str], whisperer: Whisperer | None) -> Packets:
    """The packets of the range asked for. Raises ApplicationError."""
    span = read_span(parameters)
    try:
        return selectors.packets(scope_for(person, "see"), span, whisperer)
    except TookTooLong:
        message = "This took too long: choose a shorter time."
        raise ApplicationError(message, code="too_long", status_code=503) from None
