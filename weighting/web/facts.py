"""The weighting's lines of the admin's checklist."""

from __future__ import annotations

from collections.abc import Iterator

from django.urls import reverse
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from cati.models import Job, Wave
from cati.web.facts import Fact
from weighting import queries
from weighting.exports.job import KIND
from weighting.models import DeclaredCollapse, Margin


def facts_of(wave: Wave) -> Iterator[Fact]:
    yield _margins(wave)
    yield _weights(wave)
    yield _exports(wave)


def _margins(wave: Wave) -> Fact:
    margins = Margin.objects.ruling(wave)
    pairs = margins.order_by().values("sector", "criterion").distinct()
    sectors = len({pair["sector"] for pair in pairs})
    criteria = len({pair["criterion"] for pair in pairs})
    collapses = DeclaredCollapse.objects.filter(wave=wave).count()
    if not pairs:
        return Fact(_("Marges de redressement"), _("Aucune marge n’est chargée."), done=False)
    said = ngettext(
        "%(n)s regroupement déclaré avant le terrain",
        "%(n)s regroupements déclarés avant le terrain",
        collapses,
    )
    return Fact(
        _("Marges de redressement"),
        _("%(sectors)s secteurs × %(criteria)s critères")
        % {"sectors": sectors, "criteria": criteria}
        + " ; "
        + said % {"n": collapses},
        done=sectors == len(queries.surveyed(wave)),
    )


def _weights(wave: Wave) -> Fact:
    runs = queries.runs_of(wave).count()
    run = queries.official(wave)
    said = ngettext("%(n)s calage", "%(n)s calages", runs) % {"n": runs}
    if not runs:
        said = _("Aucun calage")
    if run is not None:
        said += _(" ; n° %(number)s officiel, %(n)s entretiens") % {
            "number": run.number,
            "n": number_format(run.interviews, use_l10n=True, force_grouping=True),
        }
    elif runs:
        said += _(" ; aucun n’est officiel")
    url = reverse("weighting-runs", kwargs={"wave": wave.slug})
    return Fact(_("Redressement"), said, done=run is not None, act=_("Ouvrir"), url=url)


def _exports(wave: Wave) -> Fact:
    ready = Job.objects.filter(wave=wave, kind=KIND, state=Job.State.DONE).exclude(file="").count()
    said = ngettext("%(n)s fichier prêt", "%(n)s fichiers prêts", ready) % {"n": ready}
    if not ready:
        said = _("Aucun fichier prêt")
    url = reverse("jobs", kwargs={"wave": wave.slug})
    return Fact(_("Exports"), said, done=ready > 0, act=_("Ouvrir"), url=url)
