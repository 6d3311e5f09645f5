"""Addresses of monitoring: pages, and the API beside them."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
