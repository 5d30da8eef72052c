"""Decides the name and AAPOR class of a call outcome, and what becomes of the case after it.

It never reads a row nor a clock; when a case is rung again is the matter of `cati.core.retries`.
Theory: AAPOR, Standard Definitions (10th ed.), final disposition codes and classes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from cati.core.retries import ANY, DECLINED, Next, Try, next_busy, next_call, next_resume
from cati.core.rules import USUAL, Rules
from cati.core.scheduling import Hours

# Tiers of service: the order in which cases are handed out (the values of Case.Tier).
PUSHED, LINE_CUT, APPOINTMENT, BUSY, SOFT, RETRY, FRESH = range(7)
OPEN, CLOSED = "open", "closed"


def _(text: str) -> str:
    """Mark a text for the message catalogue; the edge that shows it translates it."""
    return text


class Group(StrEnum):
    """The blocks of the outcome screen, in its order."""

    INTERVIEW = _("Entretien")
    CALL_BACK = _("À rappeler")
    REFUSAL = _("Refus")
    NUMBER = _("Numéro")
    NOT_TARGET = _("Hors cible")
    OTHER = _("Autre")


class Scope(StrEnum):
    """What an outcome is about."""

    NUMBER = "number"
    PERSON = "person"
    CASE = "case"


class Needs(StrEnum):
    """What must be given with the code before it can be recorded."""

    NONE = "none"
    NOTE = "note"
    APPOINTMENT = "appointment"


class Then(StrEnum):
    """What happens next: each value has its function in `_THEN`."""

    CLOSE = "close"
    CLOSE_NUMBER = "close_number"
    OPPOSE = "oppose"
    CALL_AT_ONCE = "call_at_once"
    BOOKED = "booked"
    BUSY = "busy"
    OTHER_DAY_PART = "other_day_part"
    RESUME = "resume"
    COOL_OFF = "cool_off"
    CONVERT_ONCE = "convert_once"


@dataclass(frozen=True)
class Disposition:
    """One row of the table.

    `code` is the two digits that are typed (and what `disposition` columns hold), `name` the name
    of the code in instruments (`end: outcome`) and exports. `if_eligible` and `if_unknown` are
    (AAPOR code, class) with and without established eligibility. `may_book`: an appointment may be
    given with it. `offered`: it stands on the outcome screen; nobody types the others.
    """

    code: str
    name: str
    label: str
    group: Group
    scope: Scope
    if_eligible: tuple[str, str]
    if_unknown: tuple[str, str]
    then: Then
    needs: Needs = Needs.NONE
    may_book: bool = False
    offered: bool = True


@dataclass(frozen=True)
class CaseChange:
    """What becomes of the case.

    `due_at`: not before; of a closed case, the moment it closed. `close_phone`: the number just
    dialled is out of service for this case. `oppose`: this number and the person's others go on the
    opposition list. `redial`: the same interviewer keeps the case and dials again, in one visit.
    `part`: the part of the week in which it is rung again; ANY, or None where no call is left.
    """

    state: str
    disposition: str
    aapor: str
    tier: int
    due_at: datetime
    close_phone: bool = False
    oppose: bool = False
    redial: bool = False
    part: int | None = ANY


class UnknownDisposition(LookupError):
    """No outcome has this code."""


_CASE, _NUMBER, _PERSON = Scope.CASE, Scope.NUMBER, Scope.PERSON
_OUT_OF_SECTOR, _SECOND_HOME, _NO_ADULT = ("4.10", "NE"), ("4.50", "NE"), ("4.70", "NE")

DISPOSITIONS: tuple[Disposition, ...] = (
    # Interview
    Disposition("10", "COMPLET", _("Entretien complet"), Group.INTERVIEW, _CASE,
            ("1.1", "I"), ("1.1", "I"), Then.CLOSE),
    Disposition("11", "PARTIEL", _("Partiel, après le seuil"), Group.INTERVIEW, _CASE,
            ("1.2", "P"), ("1.2", "P"), Then.CLOSE),
    Disposition("12", "ABANDON", _("Abandon avant le seuil"), Group.INTERVIEW, _CASE,
            ("2.12", "R"), ("2.12", "R"), Then.RESUME, may_book=True),
    Disposition("13", "LIGNE_COUPEE", _("Ligne coupée"), Group.INTERVIEW, _CASE,
            ("2.12", "R"), ("3.16", "UH"), Then.CALL_AT_ONCE),
    # Call back
    Disposition("20", "RDV", _("Rendez-vous"), Group.CALL_BACK, _CASE,
            ("2.21", "NC"), ("3.20", "UR"), Then.BOOKED, Needs.APPOINTMENT, may_book=True),
    Disposition("21", "ABSENT", _("Personne absente"), Group.CALL_BACK, _PERSON,
            ("2.21", "NC"), ("2.21", "NC"), Then.COOL_OFF, may_book=True),
    Disposition("22", "BARRAGE", _("Un tiers fait barrage"), Group.CALL_BACK, _CASE,
            ("2.21", "NC"), ("3.20", "UR"), Then.OTHER_DAY_PART, may_book=True),
    Disposition("23", "RACCROCHE", _("A raccroché sans un mot"), Group.CALL_BACK, _CASE,
            ("2.11", "R"), ("3.20", "UR"), Then.CONVERT_ONCE),
    Disposition("24", "REPONDEUR_OK", _("Répondeur d’un foyer connu"), Group.CALL_BACK, _CASE,
            ("2.22", "NC"), ("3.14", "UH"), Then.OTHER_DAY_PART),
    # Refusal
    Disposition("40", "REFUS_FOYER", _("Refus du foyer"), Group.REFUSAL, _CASE,
            ("2.111", "R"), ("3.20", "UR"), Then.CONVERT_ONCE),
    Disposition("41", "REFUS_PERS", _("Refus de la personne"), Group.REFUSAL, _CASE,
            ("2.112", "R"), ("2.112", "R"), Then.CONVERT_ONCE),
    Disposition("42", "OPPOSITION", _("Ne plus appeler"), Group.REFUSAL, _NUMBER,
            ("2.112", "R"), ("3.20", "UR"), Then.OPPOSE),
    # Number
    Disposition("31", "OCCUPE", _("Occupé"), Group.NUMBER, _NUMBER,
            ("3.12", "UH"), ("3.12", "UH"), Then.BUSY),
    Disposition("32", "SANS_REPONSE", _("Ne répond pas"), Group.NUMBER, _NUMBER,
            ("3.13", "UH"), ("3.13", "UH"), Then.OTHER_DAY_PART),
    Disposition("33", "REPONDEUR", _("Répondeur"), Group.NUMBER, _NUMBER,
            ("3.14", "UH"), ("3.14", "UH"), Then.OTHER_DAY_PART),
    Disposition("34", "FAUX_NUMERO", _("Faux numéro"), Group.NUMBER, _NUMBER,
            ("4.31", "NE"), ("4.31", "NE"), Then.CLOSE_NUMBER),
    Disposition("35", "FAX", _("Fax ou modem"), Group.NUMBER, _NUMBER,
            ("4.20", "NE"), ("4.20", "NE"), Then.CLOSE_NUMBER),
    Disposition("36", "CHANGE", _("Numéro réattribué"), Group.NUMBER, _NUMBER,
            ("4.41", "NE"), ("4.41", "NE"), Then.CLOSE_NUMBER),
    Disposition("37", "BLOCAGE", _("Appel filtré ou bloqué"), Group.NUMBER, _NUMBER,
            ("3.15", "UH"), ("3.15", "UH"), Then.OTHER_DAY_PART),
    # Not in the target population
    Disposition("60", "HORS_SECTEUR", _("Hors secteur"), Group.NOT_TARGET, _CASE,
            _OUT_OF_SECTOR, _OUT_OF_SECTOR, Then.CLOSE),
    Disposition("61", "ENTREPRISE", _("Entreprise"), Group.NOT_TARGET, _NUMBER,
            ("4.51", "NE"), ("4.51", "NE"), Then.CLOSE_NUMBER),
    Disposition("62", "RES_SECOND", _("Résidence secondaire"), Group.NOT_TARGET, _CASE,
            _SECOND_HOME, _SECOND_HOME, Then.CLOSE),
    Disposition("63", "MINEUR", _("Aucun adulte"), Group.NOT_TARGET, _CASE,
            _NO_ADULT, _NO_ADULT, Then.CLOSE),
    # Counted apart and never as a refusal: the survey closed the door, not the household.
    Disposition("64", "QUOTA", _("Quota atteint"), Group.NOT_TARGET, _CASE,
            ("4.80", "NE"), ("4.80", "NE"), Then.CLOSE),
    # Other
    Disposition("50", "LANGUE", _("Langue"), Group.OTHER, _CASE,
            ("2.33", "O"), ("3.20", "UR"), Then.CLOSE, Needs.NOTE),
    Disposition("51", "INCAPACITE", _("Incapacité"), Group.OTHER, _PERSON,
            ("2.32", "O"), ("3.20", "UR"), Then.CLOSE),
    Disposition("52", "DECES", _("Décès"), Group.OTHER, _PERSON,
            ("2.31", "O"), ("2.31", "O"), Then.CLOSE),
    Disposition("53", "TECHNIQUE", _("Problème technique"), Group.OTHER, _NUMBER,
            ("3.16", "UH"), ("3.16", "UH"), Then.OTHER_DAY_PART),
    Disposition("54", "ELIG_INC", _("Foyer joint, éligibilité inconnue"), Group.OTHER, _CASE,
            ("3.21", "UR"), ("3.21", "UR"), Then.OTHER_DAY_PART),
    # What a case is before anybody rang it: nobody types it.
    Disposition("00", "NON_TRAITE", _("Fiche non appelée"), Group.OTHER, _CASE,
            ("3.11", "UH"), ("3.11", "UH"), Then.OTHER_DAY_PART, offered=False),
)  # fmt: skip

BY_CODE = {row.code: row for row in DISPOSITIONS}
BY_NAME = {row.name: row for row in DISPOSITIONS}
# Binds every number of the person at once, and is never taken back.
OPPOSED = BY_NAME["OPPOSITION"].code


def disposition(code: str) -> Disposition:
    """The row that is typed as `code`. Raises UnknownDisposition."""
    try:
        return BY_CODE[code]
    except KeyError:
        raise UnknownDisposition(code) from None


def named(name: str) -> Disposition:
    """The row called `name` in an instrument's `end` ("COMPLET"). Raises UnknownDisposition."""
    try:
        return BY_NAME[name]
    except KeyError:
        raise UnknownDisposition(name) from None


def on_screen() -> dict[Group, list[Disposition]]:
    """The outcomes that an interviewer may type, by block, both in the order of the screen."""
    return {
        group: [row for row in DISPOSITIONS if row.offered and row.group is group]
        for group in Group
    }


def aapor(code: str, screened: bool) -> tuple[str, str]:
    """(final disposition code, class) once the case is, or is not, known to be eligible."""
    row = disposition(code)
    return row.if_eligible if screened else row.if_unknown


@dataclass(frozen=True)
class _Situation:
    """What the functions of `_THEN` decide from."""

    disposition: Disposition
    aapor: str
    phones_left: int
    now: datetime
    appointment_at: datetime | None
    firm: bool
    firm_refusal: bool
    tries: Sequence[Try]
    rules: Rules
    hours: Hours | None

    @property
    def declined_before(self) -> bool:
        return any(one.code in DECLINED for one in self.tries[:-1])

    def closed(self, *, close_phone: bool = False, oppose: bool = False) -> CaseChange:
        return CaseChange(
            CLOSED, self.disposition.code, self.aapor, RETRY, self.now, close_phone, oppose
        )

    def due(
        self, at: datetime, tier: int, *, close_phone: bool = False, redial: bool = False
    ) -> CaseChange:
        return CaseChange(
            OPEN, self.disposition.code, self.aapor, tier, at, close_phone, redial=redial
        )

    def again(self, found: Next, tier: int) -> CaseChange:
        return CaseChange(
            OPEN, self.disposition.code, self.aapor, tier, found.due_at, part=found.part
        )


def after_outcome(
    code: str,
    *,
    phones_left: int,
    screened: bool,
    now: datetime,
    appointment_at: datetime | None,
    firm: bool,
    firm_refusal: bool = False,
    tries: Sequence[Try] = (),
    rules: Rules = USUAL,
    hours: Hours | None = None,
) -> CaseChange:
    """What becomes of a case when an attempt ends with `code`.

    phones_left: valid numbers of the case besides the one just dialled. appointment_at, firm: the
    promise, read where the outcome `may_book`. firm_refusal: not to be converted. tries: the
    earlier visits of the case, in their order. hours: of the wave; None for every hour. Datetimes
    are aware. Raises UnknownDisposition, and ValueError where the outcome needs an appointment and
    has none.
    """
    row = disposition(code)
    if appointment_at is None and row.needs is Needs.APPOINTMENT:
        raise ValueError(f"outcome {code} needs the time of the appointment")
    situation = _Situation(
        row,
        aapor(code, screened)[0],
        phones_left,
        now,
        appointment_at,
        firm,
        firm_refusal,
        [*tries, Try(now, code)],
        rules,
        hours,
    )
    booked = row.may_book and appointment_at is not None
    return _booked(situation) if booked else _THEN[row.then](situation)


def _booked(case: _Situation) -> CaseChange:
    assert case.appointment_at is not None
    return case.due(case.appointment_at, APPOINTMENT if case.firm else SOFT)


def _close_number(case: _Situation) -> CaseChange:
    """The number is dead; the case lives on while it has another, which is tried at once."""
    if case.phones_left:
        return case.due(case.now, RETRY, close_phone=True, redial=True)
    return case.closed(close_phone=True)


def _busy(case: _Situation) -> CaseChange:
    soon = next_busy(case.tries, case.rules)
    return case.again(soon, BUSY) if soon else _later(case)


def _later(case: _Situation) -> CaseChange:
    """Another try when the rules say so; none is left once a maximum is reached."""
    return case.again(next_call(case.tries, case.rules, case.hours), RETRY)


def _resume(case: _Situation) -> CaseChange:
    """A break-off is resumed once, on another part of the day; leaving it again is a refusal."""
    if case.declined_before:
        return case.closed()
    return case.again(next_resume(case.tries, case.rules, case.hours), SOFT)


def _convert_once(case: _Situation) -> CaseChange:
    """A soft refusal is asked again once, a week later and on another part of the day."""
    return case.closed() if case.firm_refusal or case.declined_before else _later(case)


_THEN: dict[Then, Callable[[_Situation], CaseChange]] = {
    Then.CLOSE: _Situation.closed,
    Then.CLOSE_NUMBER: _close_number,
    Then.OPPOSE: lambda case: case.closed(close_phone=True, oppose=True),
    Then.CALL_AT_ONCE: lambda case: case.due(case.now, LINE_CUT, redial=True),
    Then.BOOKED: _booked,
    Then.BUSY: _busy,
    Then.OTHER_DAY_PART: _later,
    Then.RESUME: _resume,
    Then.COOL_OFF: _later,
    Then.CONVERT_ONCE: _convert_once,
}
