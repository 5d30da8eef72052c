"""What a worker does before it answers: the first interviewer waits no longer than any other."""

from __future__ import annotations

import gc

from django.db import DatabaseError, connection
from django.template.loader import get_template
from django.urls import get_resolver

from cati import queries
from questionnaire.core.pace import seconds_left
from questionnaire.queries import program_by_id

# Objects after which the collector looks at the young ones; Python's own is 700.
SELDOM = 2_000
PAGES = ("case", "interview", "outcome", "question", "panel", "home")


def warm_up() -> None:
    """Load the pages of a call, the addresses and the questionnaires in the field.

    A server that starts before its database has them at their first use. What is loaded stays for
    as long as the worker lives, so that the collector of garbage need not look at it again: it
    would stop an answer for a tenth of a second. An answer leaves a few hundred objects behind, and
    the collector would come by at every third.
    """
    for page in PAGES:
        get_template(f"cati/interviewer/{page}.html")
    _ = get_resolver().url_patterns
    try:
        for version in queries.versions_in_the_field():
            seconds_left(program_by_id(version))
    except DatabaseError:
        pass
    finally:
        connection.close()
    gc.collect()
    gc.freeze()
    gc.set_threshold(SELDOM)
