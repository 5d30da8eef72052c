"""What the application's role may do to the journal, asked of PostgreSQL as that role.

1. It adds and reads; it changes, deletes and empties nothing, in the journal nor among erasures
   and acts. It decides on late answers, and removes none.
2. The command that erases works under the owner's role alone, and says so under the other.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import psycopg
import pytest
from django.conf import settings
from django.db import connection
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from cati.embedded import APPLICATION
from cati.models import Case, Erasure
from questionnaire.models import AnswerEvent
from tests.cati.test_interview_life import Call
from tests.world import World

pytestmark = pytest.mark.django_db(transaction=True)
CLOSED = (
    "questionnaire_answerevent",
    "cati_erasure",
    "cati_quotaact",
    "cati_caseact",
    "cati_rulesact",
)


@pytest.fixture
def application(db: None) -> str:
    """How to connect to the test's database as the application's role."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [APPLICATION])
        if not cursor.fetchone():
            pytest.skip(f"these servers have no role {APPLICATION}")
    return as_role(APPLICATION)


def as_role(role: str) -> str:
    name = connection.settings_dict["NAME"]
    return make_conninfo(os.environ["DATABASE_URL"], user=role, dbname=name)


@pytest.fixture
def journal(application: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(application, autocommit=True) as connected:
        yield connected


@pytest.mark.parametrize("table", CLOSED)
@pytest.mark.parametrize(
    "words", ["UPDATE {} SET at = now()", "DELETE FROM {}", "TRUNCATE {}", "DROP TABLE {}"]
)
def test_the_application_changes_no_line(
    journal: psycopg.Connection, table: str, words: str
) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        journal.execute(words.format(table))


@pytest.mark.parametrize("table", CLOSED)
def test_the_application_adds_and_reads(journal: psycopg.Connection, table: str) -> None:
    asked = "SELECT has_table_privilege(%(t)s, 'INSERT'), has_table_privilege(%(t)s, 'SELECT')"
    assert journal.execute(asked, {"t": table}).fetchone() == (True, True)


@pytest.mark.parametrize("words", ["DELETE FROM cati_lateanswer", "TRUNCATE cati_lateanswer"])
def test_the_application_removes_no_late_answer(journal: psycopg.Connection, words: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        journal.execute(words)
    journal.execute("UPDATE cati_lateanswer SET state = state")


def erase(case: Case, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, as an operator types it."""
    words = ("--case", str(case.number), "--wave", "2026", "--by", "alain", "--reason", "Demande")
    return subprocess.run(
        [sys.executable, "manage.py", "erase_respondent", *words],
        cwd=settings.BASE_DIR,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_erasing_takes_the_role_that_owns_the_journal(world: World, application: str) -> None:
    call = Call(world, world.nadia)
    call.to_sector()

    refused = erase(call.case, DATABASE_URL=application)
    assert refused.returncode == 1
    assert "Seul le rôle propriétaire" in refused.stderr
    assert not AnswerEvent.objects.filter(kind="erased").exists()

    owner = str(conninfo_to_dict(os.environ["DATABASE_URL"])["user"])
    done = erase(call.case, DATABASE_URL=application, DATABASE_OWNER_URL=as_role(owner))
    assert done.returncode == 0, done.stderr
    assert not AnswerEvent.objects.filter(kind="answer").exists()
    assert Erasure.objects.get().by == world.alain
