"""The language in which an interview is conducted, where it is not the questionnaire's first one.

Kept with the session of her who switched: whoever resumes the interview hears for herself which
language is needed, and the journal knows answers alone, which are the same in every language.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.http import HttpRequest

from questionnaire.models import Interview
from questionnaire.queries import program_by_id

# As many interviews as somebody may have suspended and take up again on one day.
KEPT = 20


def spoken(request: HttpRequest, interview: Interview | None) -> str:
    """The language chosen for this interview; '' for the questionnaire's own."""
    if interview is None:
        return ""
    chosen: str = request.session.get("spoken", {}).get(str(interview.pk), "")
    return chosen


def languages(interview: Interview) -> Sequence[str]:
    """Every language in which this interview can be conducted, the questionnaire's own first."""
    instrument = program_by_id(interview.version_id).instrument
    return (instrument.language, *instrument.languages)


def speak(request: HttpRequest, interview: Interview, language: str) -> None:
    """Go on in `language`, one of `languages`."""
    chosen = dict(request.session.get("spoken", {}))
    chosen.pop(str(interview.pk), None)
    chosen[str(interview.pk)] = language
    request.session["spoken"] = dict(list(chosen.items())[-KEPT:])
