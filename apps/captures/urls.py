from django.urls import path, register_converter
from django.urls.converters import StringConverter

from apps.captures.api import ChunkApi, FilterApi, FinalApi, StatusApi
from apps.captures.models import CAPTURE_ID
from apps.captures.uploadapi import UploadAgainApi, UploadApi, UploadsApi
from apps.captures.views import capture_page, files_page


class CaptureIdConverter(StringConverter):
    """An id as agents may choose it: anything else is no address of ours, whatever characters it has."""

    regex = CAPTURE_ID


register_converter(CaptureIdConverter, "capture")

urlpatterns = [
    path("captures/<capture:capture>/", capture_page, name="capture"),
    path("whisperers/<uuid:id>/files/", files_page, name="whisperer-files"),
    path("api/v1/uploads/", UploadsApi.as_view(), name="uploads"),
    path("api/v1/uploads/<uuid:id>/", UploadApi.as_view(), name="upload"),
    path("api/v1/uploads/<uuid:id>/again/", UploadAgainApi.as_view(), name="upload-again"),
    path("api/v1/chunks/", ChunkApi.as_view(), name="chunks"),
    path("api/v1/captures/<capture:capture>/final/", FinalApi.as_view(), name="capture-final"),
    path("api/v1/captures/<capture:capture>/status/", StatusApi.as_view(), name="capture-status"),
    path("api/v1/filters/", FilterApi.as_view(), name="filters"),
]
