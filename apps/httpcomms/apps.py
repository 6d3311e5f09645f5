from django.apps import AppConfig


class HttpCommsConfig(AppConfig):
    name = "apps.httpcomms"
    label = "httpcomms"
    verbose_name = "HTTP communications"
