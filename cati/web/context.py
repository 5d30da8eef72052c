"""What the shell around every page shows: the product, the wave, and where its role may go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from cati.models import Membership, Role

PRODUCT = "Allô Quartiers"


@dataclass(frozen=True)
class Link:
    """One entry of the navigation; `current` is the page on screen."""

    label: str
    url: str
    current: bool


def shell(request: HttpRequest) -> dict[str, Any]:
    """`product`, `shell_wave`, `shell_role` and `nav`; the last three empty outside a wave."""
    membership: Membership | None = getattr(request, "membership", None)
    if membership is None:
        return {"product": PRODUCT, "shell_wave": None, "shell_role": "", "nav": []}
    return {
        "product": PRODUCT,
        "shell_wave": membership.wave,
        "shell_role": membership.get_role_display(),
        "nav": [_link(request, label, name) for label, name in _places(Role(membership.role))],
    }


def _places(role: Role) -> list[tuple[str, str]]:
    """What each role may open, its own home first."""
    return {
        Role.INTERVIEWER: [(_("Accueil"), "interviewer-home")],
        Role.SUPERVISOR: [
            (_("Terrain"), "board"),
            (_("Quotas"), "quotas"),
            (_("Fiches"), "cases"),
            (_("Appels"), "who-next"),
            (_("Indicateurs"), "rates"),
            (_("Questionnaire"), "questionnaire"),
            (_("Prévision"), "weighting-forecast"),
        ],
        Role.ADMIN: [
            (_("Préparation"), "wave-home"),
            (_("Échantillon"), "sample"),
            (_("Questionnaire"), "questionnaire"),
            (_("Terrain"), "board"),
            (_("Quotas"), "quotas"),
            (_("Fiches"), "cases"),
            (_("Appels"), "who-next"),
            (_("Indicateurs"), "rates"),
            (_("Redressement"), "weighting-runs"),
            (_("Tableaux"), "tables"),
            (_("Exports"), "jobs"),
            (_("Accès"), "people"),
        ],
    }[role]


def _link(request: HttpRequest, label: str, name: str) -> Link:
    url = reverse(name, kwargs={"wave": request.membership.wave.slug})  # type: ignore[attr-defined]
    return Link(label, url, current=request.path.startswith(url))
