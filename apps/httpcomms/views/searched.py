"""What the page says about a search that is under way, and where it goes on."""

from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from apps.core.words import rfc3339
from apps.httpcomms.screen import Screen
from apps.httpcomms.selectors import Reached


def shown(state: Screen, reached: Reached) -> dict[str, Any]:
    """What the page says about a search that is under way."""
    at = {f"at-{name}": value for name, value in reached.parameters().items()}
    unsearched = state.url(from_=rfc3339(reached.since), to=rfc3339(reached.edge), wide=None, open=None, tab=None)
    return {
        "progress": {
            "reached": reached,
            "percent": f"{100 * reached.share:.0f}" if reached.share >= 0.01 else f"{100 * reached.share:.1g}",
            "value": f"{100 * reached.share:.3f}",
            "next": f"{reverse('search-progress')}?{urlencode(state.parameters(open=None, tab=None) | at)}",
            "unsearched": unsearched,
        }
    }
