from django.apps import AppConfig


class WhisperersConfig(AppConfig):
    name = "apps.whisperers"
    label = "whisperers"
    verbose_name = "Whisperers"
