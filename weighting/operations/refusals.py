"""The calibration's problems as sentences: sector, criterion, category, and how to mend it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from math import ceil, floor

from django.utils.formats import number_format
from django.utils.translation import gettext as _

from weighting.core.criteria import MISSING_LABEL
from weighting.core.problems import Problem
from weighting.queries import CRITERIA

# The label of each (criterion, category).
Categories = Mapping[tuple[str, str], str]


def said(
    problems: Iterable[Problem],
    sectors: Mapping[str, str],
    categories: Categories,
) -> list[str]:
    """One sentence per problem; `sectors` and `categories` are the labels of the codes."""
    return [_sentence(problem, sectors, categories) for problem in problems]


def category_label(categories: Categories, criterion: str, code: str) -> str:
    """The label of a category; of a merged one ("3+4"), the labels joined."""
    if code == MISSING_LABEL:
        return _("sans réponse")
    return " + ".join(categories.get((criterion, one), one) for one in code.split("+"))


def _sentence(
    problem: Problem,
    sectors: Mapping[str, str],
    categories: Categories,
) -> str:
    place = [
        sectors.get(problem.stratum, problem.stratum),
        str(CRITERIA.get(problem.variable, problem.variable)),
        category_label(categories, problem.variable, problem.category),
    ]
    where = ", ".join(part for part in place if part)
    what, mend = texts()[problem.code]
    attainable = _attainable(problem)
    parts = [f"{where} : {what}" if where else what, attainable, mend]
    sentence = " ".join(part for part in parts if part)
    return sentence[:1].upper() + sentence[1:]


def _attainable(problem: Problem) -> str:
    if problem.attainable is None:
        return ""
    bounds = problem.code == "infeasible_bounds"
    # Bounds of g to three places, rounded outwards so that they do suffice; totals are persons.
    scale = 1000 if bounds else 1
    least, most = problem.attainable
    outwards = (Decimal(floor(least * scale)) / scale, Decimal(ceil(most * scale)) / scale)
    low, high = (number_format(one, 3 if bounds else 0, use_l10n=True) for one in outwards)
    if bounds:
        return _("Des bornes de %(low)s à %(high)s suffiraient.") % {"low": low, "high": high}
    said = _("Les autres critères permettent un total de %(low)s à %(high)s personnes.")
    return said % {"low": low, "high": high}


def texts() -> dict[str, tuple[str, str]]:
    """What is wrong and how to mend it, by the code of the problem: of every code of the core."""
    empty = _("personne n’a été interrogé dans cette modalité.")
    correct = _("Corrigez les marges.")
    merge = _("Regroupez la modalité avec une voisine, ou corrigez son total.")
    return {
        "missing_stratum": (
            _("des entretiens comptés n’ont pas de secteur."),
            _("Complétez la question du secteur."),
        ),
        "no_margins": (_("aucune marge n’est chargée."), _("Chargez les marges du secteur.")),
        "no_respondents": (
            _("aucun entretien compté."),
            _("Interrogez dans ce secteur, ou retirez ses marges."),
        ),
        "duplicate_id": (
            _("un entretien figure deux fois."),
            _("Gardez une ligne par entretien."),
        ),
        "missing_id": (
            _("des entretiens n’ont pas de numéro."),
            _("Donnez un numéro à chacun."),
        ),
        "invalid_weight": (
            _("un poids initial n’est pas un nombre positif."),
            _("Donnez à chaque entretien un poids initial positif et fini."),
        ),
        "criterion_absent": (
            _("le questionnaire ne donne pas ce critère."),
            _("Donnez son rôle dans le questionnaire, ou retirez sa marge."),
        ),
        "missing_values": (
            _("des personnes n’ont pas répondu à ce critère."),
            _("Complétez ces entretiens : un critère ne se laisse pas vide."),
        ),
        "unknown_category": (
            _("des entretiens ont une modalité que la marge n’a pas."),
            _("Ajoutez-la à la marge, ou corrigez les réponses."),
        ),
        "invalid_total": (_("le total n’est pas un nombre positif."), correct),
        "empty_category": (
            empty,
            _("Interrogez quelqu’un, ou déclarez un regroupement avec la modalité voisine."),
        ),
        "zero_target": (_("le total est 0, mais des personnes y sont."), merge),
        "conflicting_totals": (_("ce critère n’a pas le même total que les autres."), correct),
        "different_universes": (_("les marges ne portent pas sur le même univers."), correct),
        "household_margin": (
            _("la marge compte des ménages, les personnes interrogées sont des individus."),
            _("Donnez la marge en personnes."),
        ),
        "unknown_collapse": (_("un regroupement nomme une modalité sans total."), correct),
        "unknown_rule": (_("le critère qui fixe le total n’existe pas."), correct),
        "too_few_respondents": (
            _("il y a moins d’entretiens que de contraintes."),
            _("Interrogez davantage, ou regroupez des modalités."),
        ),
        "infeasible_bounds": (
            _("aucun poids ne tient les marges entre ces bornes."),
            _("Élargissez les bornes, ou regroupez des modalités."),
        ),
        "infeasible_margins": (_("aucun poids ne tient toutes les marges à la fois."), merge),
        "no_positive_solution": (_("les marges ne tiennent qu’avec des poids nuls."), merge),
        "not_converged": (
            _("une marge est manquée de plus d’un millionième."),
            _("Élargissez les bornes, ou regroupez les modalités rares."),
        ),
        "criterion_not_everywhere": (
            _("ce critère n’a pas de marge ici, alors que d’autres secteurs en ont une."),
            _("Chargez-la si elle est connue."),
        ),
        "totals_scaled": (
            _("ce critère n’avait pas le total des autres ; il y a été ramené."),
            _("Vérifiez sa source."),
        ),
        "missing_as_category": (
            _("les personnes sans réponse forment une modalité à part."),
            _("Complétez leurs réponses si vous le pouvez."),
        ),
        "imputed_values": (
            _("des réponses manquantes ont été tirées parmi celles du secteur."),
            _("Complétez-les si vous le pouvez."),
        ),
        "negative_weights": (
            _("des personnes recevraient un poids négatif ou nul."),
            _("Choisissez le raking ratio, ou une méthode bornée."),
        ),
        "soft_margin_missed": (
            _("cette marge souple est manquée."),
            _("Resserrez-la, ou acceptez l’écart."),
        ),
    }
