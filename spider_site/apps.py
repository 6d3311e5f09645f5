"""The site itself as an app of Django's: its checks."""

from django.apps import AppConfig


class SiteConfig(AppConfig):
    """Registers the checks of the settings."""

    name = "spider_site"
    label = "spider_site"

    def ready(self) -> None:
        from spider_site import checks  # noqa: F401 - registers itself
