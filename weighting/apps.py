from django.apps import AppConfig


class WeightingConfig(AppConfig):
    name = "weighting"
    verbose_name = "Redressement"

    def ready(self) -> None:
        """Tell cati, which knows nothing of this app, what it adds: jobs, facts, a panel."""
        from django.utils.translation import gettext_lazy as _

        from cati.operations import demo, jobs
        from cati.web import extend
        from weighting.exports import job as export
        from weighting.flash import job as tables
        from weighting.operations import margins, runs
        from weighting.web import facts, panel

        jobs.register(jobs.Kind(runs.KIND, _("Calage"), runs.compute, runs.title))
        jobs.register(jobs.Kind(export.KIND, _("Export"), export.build, export.title))
        jobs.register(jobs.Kind(tables.KIND, _("Tableaux"), tables.build, tables.title))
        demo.STEPS.append(margins.prepare_demo_margins)
        extend.FACTS.append(facts.facts_of)
        extend.JOB_PANELS.append(panel.PANEL)
        extend.JOB_PLACES[runs.KIND] = panel.run_of
