"""The parsing rules of whisperers, as workers have them: read again within seconds, compiled when they changed."""

import time
from dataclasses import dataclass, replace

import structlog

from apps.captures.models import Capture
from apps.whisperers.configuration.resolve import resolve
from apps.whisperers.models import Whisperer
from documents.rules import DEFAULT_RULES, DEFAULTS, ParsingRules, RuleError, compile_rules

log = structlog.get_logger(__name__)

#: How long rules are used before they are looked at again. A change is in force within 10 s: these, and the second that
#: a task goes on with what it began with.
SECONDS = 5.0
#: Whisperers whose rules a process remembers.
REMEMBERED = 1_000


@dataclass(frozen=True, slots=True)
class _Known:
    until: float
    revision: str
    rules: ParsingRules


_known: dict[str, _Known] = {}


def rules_of(whisperer: str) -> ParsingRules:
    """The rules in force for a whisperer; the same object until they change.

    Values that cannot be compiled were refused when somebody wrote them. Should some be there (another version wrote
    them), the rules stay as they were, and the log says why. Raises Capture.DoesNotExist when the whisperer was
    deleted, and its captures with it.
    """
    known = _known.get(whisperer)
    now = time.monotonic()
    if known is not None and now < known.until:
        return known.rules
    row = Whisperer.objects.select_related("team").filter(pk=whisperer).first()
    if row is None:
        raise Capture.DoesNotExist
    found = resolve(row, "parsing")
    if known is not None and known.revision == found.revision:
        rules = known.rules
    else:
        before = known.rules if known is not None else DEFAULT_RULES
        rules = _compiled(whisperer, found.values, before)
    if len(_known) >= REMEMBERED:
        _known.clear()
    _known[whisperer] = _Known(now + SECONDS, found.revision, rules)
    return rules


def look_again(whisperer: str) -> None:
    """Read a whisperer's rules anew at the next question: what was saved just now is in force."""
    known = _known.get(whisperer)
    if known is not None:
        _known[whisperer] = replace(known, until=0.0)


def forget() -> None:
    """Read all rules anew."""
    _known.clear()


def _compiled(whisperer: str, values: dict[str, object], before: ParsingRules) -> ParsingRules:
    try:
        return compile_rules({name: value for name, value in values.items() if name in DEFAULTS})
    except RuleError as error:
        log.error("rules.refused", whisperer=whisperer, field=error.field, reason=error.message)  # noqa: TRY400
        return before
