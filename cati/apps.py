from django.apps import AppConfig


class CatiConfig(AppConfig):
    name = "cati"
    verbose_name = "Terrain"

    def ready(self) -> None:
        from cati import celery, checks  # noqa: F401  (the Celery app; the system checks)
