"""Addresses: each app brings its own; here they are joined with the admin and the API's description."""

from importlib.util import find_spec

from django.contrib import admin
from django.contrib.auth.decorators import login_required
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from apps.core.forms import AdminSignInForm
from apps.monitoring import admin as monitoring_admin

admin.site.login_form = AdminSignInForm

APPS = ("core", "whisperers", "whisperers.api", "captures", "httpcomms", "monitoring")

urlpatterns = [
    *monitoring_admin.urls(),
    path("admin/", admin.site.urls),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    # A page for people: without a login it leads to the login page. Its script is a file, as the CSP asks.
    path("api/docs/", login_required(SpectacularSwaggerSplitView.as_view(url_name="schema")), name="api-docs"),
    path("", include("apps.whisperers.agent_urls")),
    *(path("", include(f"apps.{app}.urls")) for app in APPS if find_spec(f"apps.{app}.urls")),
]

# What goes wrong is said in the shape the caller reads: JSON below /api/, a page elsewhere.
handler404 = "apps.core.views.not_found"
handler500 = "apps.core.views.broken"
