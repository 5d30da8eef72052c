from django.apps import AppConfig


class WeightingConfig(AppConfig):
    name = "weighting"
    verbose_name = "Redressement"
