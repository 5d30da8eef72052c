from django.apps import AppConfig


class CatiConfig(AppConfig):
    name = "cati"
    verbose_name = "Terrain"

    def ready(self) -> None:
        from django.utils.translation import gettext_lazy as _

        from cati import celery, checks  # noqa: F401  (the Celery app; the system checks)
        from cati.operations import export_attempts, jobs, rules, sample_uploads

        imports = jobs.Kind(
            sample_uploads.KIND, _("Échantillon"), sample_uploads.run, sample_uploads.title
        )
        jobs.register(imports)
        calls = jobs.Kind(export_attempts.KIND, _("Export des appels"), export_attempts.build)
        jobs.register(calls)
        jobs.register(jobs.Kind(rules.KIND, _("Règles d’appel"), rules.recompute))
