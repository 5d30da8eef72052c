"""The weighting's lines of the admin's checklist."""

from __future__ import annotations

from collections.abc import Iterator

from django.template.defaultfilters import floatformat
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from cati.models import Job, Wave
from cati.web.facts import Fact
from weighting import queries
from weighting.exports.job import KIND
from weighting.models import DeclaredCollapse, Margin
from weighting.web.forecast import fresh


def facts_of(wave: Wave) -> Iterator[Fact]:
    yield _margins(wave)
    yield from _forecast(wave)
    yield _weights(wave)
    yield _exports(wave)


def _margins(wave: Wave) -> Fact:
    margins = Margin.objects.ruling(wave)
    pairs = margins.order_by().values("sector", "criterion").distinct()
    sectors = len({pair["sector"] for pair in pairs})
    criteria = len({pair["criterion"] for pair in pairs})
    collapses = DeclaredCollapse.objects.filter(wave=wave).count()
    url = reverse("margins", kwargs={"wave": wave.slug})
    if not pairs:
        return Fact(
            _("Marges de redressement"),
            _("Aucune marge n’est chargée."),
            done=False,
            act=_("Charger"),
            url=url,
        )
    said = ngettext("%(n)s regroupement déclaré", "%(n)s regroupements déclarés", collapses)
    return Fact(
        _("Marges de redressement"),
        _("%(sectors)s secteurs × %(criteria)s critères")
        % {"sectors": sectors, "criteria": criteria}
        + " ; "
        + said % {"n": collapses},
        done=sectors == len(queries.surveyed(wave)),
        act=_("Ouvrir"),
        url=url,
    )


def _forecast(wave: Wave) -> Iterator[Fact]:
    """What calibrating now would cost; nothing before there are margins and interviews."""
    if queries.ruling_set(wave) is None or not queries.counted(wave).exists():
        return
    forecast = fresh(wave, with_gains=False)
    ready = _("%(n)s secteurs sur %(all)s se calent") % {
        "n": forecast.ready,
        "all": len(forecast.sectors),
    }
    parts = [ready]
    if forecast.deff is not None:
        deff = floatformat(forecast.deff, 2)
        parts.append(_("effet de plan %(deff)s si l’on calait maintenant") % {"deff": deff})
    if forecast.worst is not None:
        sector, cell = forecast.worst
        said = _("le plus coûteux : %(sector)s, %(cell)s, %(sample)s %% pour %(target)s %%")
        parts.append(
            said
            % {
                "sector": sector.label,
                "cell": cell.name,
                "sample": floatformat(cell.sample, 1),
                "target": floatformat(cell.target, 1),
            }
        )
    yield Fact(
        _("Prévision du redressement"),
        " ; ".join(parts),
        done=forecast.ready == len(forecast.sectors),
        act=_("Voir"),
        url=reverse("weighting-forecast", kwargs={"wave": wave.slug}),
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
