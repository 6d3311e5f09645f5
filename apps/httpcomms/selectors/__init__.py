"""Reads of communications. Every read takes a scope: whose documents the caller may see."""

from apps.httpcomms.selectors.base import RESOURCE
from apps.httpcomms.selectors.calls import DRAWN, MAX_DRAWN, Calls, first_calls
from apps.httpcomms.selectors.comparison import comparison, pair
from apps.httpcomms.selectors.complete import Completion, complete
from apps.httpcomms.selectors.explain import Explanation, explain
from apps.httpcomms.selectors.facets import Counted, facets, tag_names, values
from apps.httpcomms.selectors.keys import SAMPLED, sampled_keys
from apps.httpcomms.selectors.map import (
    MODES,
    NO_TEMPLATE,
    Map,
    Mode,
    NodeFigures,
    Side,
    node_figures,
    template_figures,
    traffic_map,
)
from apps.httpcomms.selectors.progress import Reached, Slices, begin
from apps.httpcomms.selectors.quality import Loss, Mark, Quality, losses, quality
from apps.httpcomms.selectors.search import get, search
from apps.httpcomms.selectors.timeline import (
    MAX_BUCKETS,
    MAX_VALUES,
    STATUS_CLASS,
    USUAL,
    Timeline,
    closed_range,
    field_of,
    timeline,
    whole_range,
)

__all__ = [
    "DRAWN",
    "MAX_BUCKETS",
    "MAX_DRAWN",
    "MAX_VALUES",
    "MODES",
    "NO_TEMPLATE",
    "RESOURCE",
    "SAMPLED",
    "STATUS_CLASS",
    "USUAL",
    "Calls",
    "Completion",
    "Counted",
    "Explanation",
    "Loss",
    "Map",
    "Mark",
    "Mode",
    "NodeFigures",
    "Quality",
    "Reached",
    "Side",
    "Slices",
    "Timeline",
    "begin",
    "closed_range",
    "comparison",
    "complete",
    "explain",
    "facets",
    "field_of",
    "first_calls",
    "get",
    "losses",
    "node_figures",
    "pair",
    "quality",
    "sampled_keys",
    "search",
    "tag_names",
    "template_figures",
    "timeline",
    "traffic_map",
    "values",
    "whole_range",
]
