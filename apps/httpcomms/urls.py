from django.urls import path

from apps.httpcomms import playground
from apps.httpcomms.api import calls as calls_api
from apps.httpcomms.api import compare as compare_api
from apps.httpcomms.api import complete, documents, exchange, export, pins, preferences, purges, quality, queries
from apps.httpcomms.api import facets as facets_api
from apps.httpcomms.api import map as map_api
from apps.httpcomms.api import packets as packets_api
from apps.httpcomms.api import search as search_api
from apps.httpcomms.api import sessions as sessions_api
from apps.httpcomms.api import statistics as statistics_api
from apps.httpcomms.api import why as why_api
from apps.httpcomms.views import bodies, compare, detail, facets, grid, packets, progress, search, sessions, why
from apps.httpcomms.views import help as help_views
from apps.httpcomms.views import live as live_view
from apps.httpcomms.views import pins as pins_views
from apps.httpcomms.views import purges as purges_views
from apps.httpcomms.views import queries as queries_views
from apps.httpcomms.views import time as time_views

WHISPERER = "whisperers/<uuid:id>/"

urlpatterns = [
    path("", search.search_page, name="search"),
    path("rows/", grid.rows, name="search-rows"),
    path("progress/", progress.more, name="search-progress"),
    path("columns/", grid.choose, name="search-columns"),
    path("compare/", compare.compare, name="compare"),
    path("facets/", facets.facets, name="search-facets"),
    path("timeline/", time_views.timeline, name="search-timeline"),
    path("quality/", time_views.quality, name="search-quality"),
    path("whole/", time_views.whole, name="search-whole"),
    path("live/", live_view.live, name="search-live"),
    path("facets/values/", facets.values, name="search-facet-values"),
    path("tcp/", search.search_page, {"page": "tcp"}, name="tcp"),
    path("tcp/rows/", sessions.rows, name="tcp-rows"),
    path("tcp/facets/", facets.facets, {"page": "tcp"}, name="tcp-facets"),
    path("tcp/facets/values/", facets.values, {"page": "tcp"}, name="tcp-facet-values"),
    path("tcp/timeline/", time_views.timeline, {"page": "tcp"}, name="tcp-timeline"),
    path("tcp/whole/", time_views.whole, {"page": "tcp"}, name="tcp-whole"),
    path("tcp/<str:id>/", sessions.session, name="tcp-session"),
    path("tcp/<str:id>/packets/", sessions.session_packets, name="tcp-session-packets"),
    path("tcp/<str:id>/packets/<int:number>/", sessions.session_packet, name="tcp-session-packet"),
    path("packets/", search.search_page, {"page": "packets"}, name="packets"),
    path("packets/facets/", facets.facets, {"page": "packets"}, name="packets-facets"),
    path("packets/facets/values/", facets.values, {"page": "packets"}, name="packets-facet-values"),
    path("packets/timeline/", time_views.timeline, {"page": "packets"}, name="packets-timeline"),
    path("packets/whole/", time_views.whole, {"page": "packets"}, name="packets-whole"),
    path("why/", why.why, name="why"),
    path("httpcomms/<str:id>/", detail.communication, name="communication"),
    path("httpcomms/<str:id>/body/<str:side>/", bodies.body, name="communication-body"),
    path("httpcomms/<str:id>/body/<str:side>/image/", bodies.image, name="communication-image"),
    path("httpcomms/<str:id>/body/<str:side>/preview/", bodies.preview, name="communication-preview"),
    path("httpcomms/<str:id>/around/", detail.around, name="communication-around"),
    path("httpcomms/<str:id>/tcp/", detail.tcp_session, name="communication-tcp"),
    path("httpcomms/<str:id>/packets/", packets.packets, name="communication-packets"),
    path("httpcomms/<str:id>/packets/<int:number>/", packets.packet, name="communication-packet"),
    path("api/v1/httpcomms/", search_api.SearchApi.as_view(), name="api-httpcomms"),
    path("api/v1/httpcomms/query/", search_api.QueryApi.as_view(), name="api-httpcomms-query"),
    path("api/v1/httpcomms/complete/", complete.CompleteApi.as_view(), name="api-httpcomms-complete"),
    path("api/v1/httpcomms/histogram/", search_api.HistogramApi.as_view(), name="api-httpcomms-histogram"),
    path("api/v1/httpcomms/quality/", quality.QualityApi.as_view(), name="api-httpcomms-quality"),
    path("api/v1/httpcomms/compare/", compare_api.CompareApi.as_view(), name="api-httpcomms-compare"),
    path("api/v1/httpcomms/columns/", compare_api.ColumnsApi.as_view(), name="api-httpcomms-columns"),
    path("api/v1/httpcomms/facets/", facets_api.FacetsApi.as_view(), name="api-httpcomms-facets"),
    path("api/v1/httpcomms/facets/values/", facets_api.FacetValuesApi.as_view(), name="api-httpcomms-facet-values"),
    path("api/v1/httpcomms/query/change/", facets_api.ChangeApi.as_view(), name="api-httpcomms-query-change"),
    path("api/v1/httpcomms/statistics/", statistics_api.StatisticsApi.as_view(), name="api-httpcomms-statistics"),
    path("api/v1/httpcomms/why/", why_api.WhyApi.as_view(), name="api-httpcomms-why"),
    path("api/v1/httpcomms/export/", export.ExportApi.as_view(), name="api-httpcomms-export"),
    path("api/v1/httpcomms/export/preview/", export.ExportPreviewApi.as_view(), name="api-httpcomms-export-preview"),
    path("api/v1/httpcomms/map/", map_api.MapApi.as_view(), name="api-httpcomms-map"),
    path("api/v1/httpcomms/map/node/", map_api.NodeApi.as_view(), name="api-httpcomms-map-node"),
    path("api/v1/httpcomms/map/rules/", map_api.RulesApi.as_view(), name="api-httpcomms-map-rules"),
    path("api/v1/httpcomms/calls/", calls_api.CallsApi.as_view(), name="api-httpcomms-calls"),
    path("api/v1/httpcomms/<str:id>/", documents.CommunicationApi.as_view(), name="api-httpcomm"),
    path("api/v1/httpcomms/<str:id>/bodies/<str:side>/", documents.BodyApi.as_view(), name="api-httpcomm-body"),
    path("api/v1/httpcomms/<str:id>/pcap/", documents.CommunicationPcapApi.as_view(), name="api-httpcomm-pcap"),
    path("api/v1/httpcomms/<str:id>/har/", exchange.HarApi.as_view(), name="api-httpcomm-har"),
    path("api/v1/httpcomms/<str:id>/curl/", exchange.CurlApi.as_view(), name="api-httpcomm-curl"),
    path("api/v1/httpcomms/<str:id>/fetch/", exchange.FetchApi.as_view(), name="api-httpcomm-fetch"),
    path("api/v1/httpcomms/<str:id>/related/", exchange.RelatedApi.as_view(), name="api-httpcomm-related"),
    path(
        "api/v1/tcpsessions/<str:id>/packets/<int:number>/",
        exchange.PacketApi.as_view(),
        name="api-tcpsession-packet",
    ),
    path("api/v1/tcpsessions/", sessions_api.SearchApi.as_view(), name="api-tcpsessions"),
    path("api/v1/tcpsessions/query/", sessions_api.QueryApi.as_view(), name="api-tcpsessions-query"),
    path("api/v1/tcpsessions/histogram/", sessions_api.TimelineApi.as_view(), name="api-tcpsessions-histogram"),
    path("api/v1/tcpsessions/facets/", sessions_api.FacetsApi.as_view(), name="api-tcpsessions-facets"),
    path("api/v1/packets/", packets_api.PacketRowsApi.as_view(), name="api-packets"),
    path("api/v1/tcpsessions/<str:id>/", documents.TcpSessionApi.as_view(), name="api-tcpsession"),
    path("api/v1/tcpsessions/<str:id>/packets/", documents.PacketsApi.as_view(), name="api-tcpsession-packets"),
    path("api/v1/tcpsessions/<str:id>/pcap/", documents.TcpSessionPcapApi.as_view(), name="api-tcpsession-pcap"),
    path("api/v1/whisperers/<uuid:id>/playground/", playground.PlaygroundApi.as_view(), name="api-playground"),
    path("help/query/", help_views.query_help, name="help-query"),
    path("queries/", queries_views.saved_queries_page, name="queries"),
    path("api/v1/queries/", queries.QueriesApi.as_view(), name="api-queries"),
    path("api/v1/queries/<uuid:id>/", queries.QueryApi.as_view(), name="api-query"),
    path("pins/", pins_views.pins_page, name="pins"),
    path("api/v1/pins/", pins.PinsApi.as_view(), name="api-pins"),
    path("api/v1/pins/<uuid:id>/", pins.PinApi.as_view(), name="api-pin"),
    path(WHISPERER + "purges/", purges_views.purges_page, name="whisperer-purges"),
    path(WHISPERER + "purges/list/", purges_views.purges_part, name="whisperer-purges-list"),
    path(WHISPERER + "purges/start/", purges_views.purge_action, name="whisperer-purge-start"),
    path(WHISPERER + "purges/<int:number>/cancel/", purges_views.cancel_action, name="whisperer-purge-cancel"),
    path(f"api/v1/{WHISPERER}purges/", purges.PurgesApi.as_view(), name="api-purges"),
    path(f"api/v1/{WHISPERER}purges/plan/", purges.PurgePlanApi.as_view(), name="api-purge-plan"),
    path(f"api/v1/{WHISPERER}purges/<int:number>/", purges.PurgeApi.as_view(), name="api-purge"),
    path("api/v1/preferences/<str:name>/", preferences.PreferenceApi.as_view(), name="api-preference"),
]
