"""A person's right to be forgotten, and a consent that is withdrawn.

1. Number, name and answers go from every table and every file; a canary is looked for in all rows.
2. Who, when, why and how much is kept, and nothing of what was said.
3. Calls and outcomes stay, so that rates do; the interview is counted no more, and its place free.
4. The number's key refuses a later import.
5. A withdrawn consent takes what it had opened, and nothing else.
6. No warm copy of an interview brings back what was erased.
7. A reason that names the person is refused; so is what somebody typed of her afterwards.
"""

from __future__ import annotations

import io
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from cati.models import (
    Attempt,
    Case,
    CaseAct,
    Contact,
    Erasure,
    IdempotentRequest,
    Job,
    LateAnswer,
    Note,
    Phone,
    Place,
    User,
    Wave,
)
from cati.operations import calls, jobs, sample_uploads
from cati.operations.errors import StaleLease
from cati.operations.import_sample import import_sample
from cati.operations.presence import say
from cati.operations.steer_cases import Order as Steering
from cati.operations.steer_cases import steer
from questionnaire.models import AnswerEvent, Interview
from questionnaire.operations import AnswerRefused, rebuild
from questionnaire.queries import keep_warm, program_by_id, walker_of
from tests.cati.test_interview_life import PLAIN, Call
from tests.world import World

pytestmark = pytest.mark.django_db
CANARY = "Canari-Zéphyr"
WHY = "Demande reçue le 3 mars"


@pytest.fixture(autouse=True)
def own_folder(settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path


class Talk(Call):
    """A call in which the person says her canary wherever words are asked."""

    def answer(self, item: str, value: Any, **given: Any) -> Any:
        entry = program_by_id(self.interview().version_id).instrument.item(item)
        if entry.type in {"text", "address"}:
            return super().answer(item, f"{CANARY}, {item}", uuid=given.get("uuid", uuid4()))
        return super().answer(item, value, **given)


def dump() -> str:
    """Every row of every table, as text."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        tables = [name for (name,) in cursor.fetchall()]
        read = []
        for table in tables:
            with cursor.copy(f'COPY "{table}" TO STDOUT') as rows:
                read += [bytes(row).decode() for row in rows]
    return "".join(read)


def told(case: Case, *, also: str = "") -> list[str]:
    """What must be found nowhere: the canary, and the number however it is written."""
    digits = Phone.objects.filter(case=case).values_list("e164", flat=True)[0][3:]
    pairs = " ".join(digits[i : i + 2] for i in range(1, 9, 2))
    return [CANARY, digits, f"{digits[0]} {pairs}", *filter(None, [also])]


def a_whole_person(world: World) -> Talk:
    """One case with her name in every place that keeps words, and a counted interview."""
    case = world.cases[0]
    Contact.objects.filter(case=case).update(name=f"Mme {CANARY}", address=f"1 rue {CANARY}")
    Case.objects.exclude(pk=case.pk).update(state="closed")
    Case.objects.filter(pk=case.pk).update(preloads={"SOURCE_FICHIER": CANARY})
    first = Talk(world, world.nadia)
    first.to_sector()
    calls.add_note(
        case.pk, world.nadia, epoch=first.case.epoch, uuid=uuid4(), text=f"Voir {CANARY}",
        item="", now=world.now,
    )  # fmt: skip
    say(world.wave, world.claire, f"Rappeler Mme {CANARY}", None, world.now)
    steer(case.pk, CaseAct.Kind.TAKE_OVER, Steering(f"Pour {CANARY}", world.claire, world.now))
    first.answer("S04", "")
    calls.add_note(
        case.pk, world.nadia, epoch=first.case.epoch, uuid=uuid4(), text=f"Trop tard, {CANARY}",
        item="", now=world.now,
    )  # fmt: skip
    before = Talk(world, world.yann)
    before.begin()
    before.end("20", at=world.now + timedelta(minutes=5), ask_for=CANARY)
    world.now += timedelta(minutes=6)
    second = Talk(world, world.yann)
    second.begin()
    second.to_the_end()
    second.end("10", note=f"Merci à {CANARY}", ask_for=CANARY)
    number = case.phones.get().e164
    job = Job.objects.create(
        wave=world.wave, kind="sample", state="done", at=world.now, file="1-calls.csv",
        result={"refused": [{"value": f"0{number[3]} {number[4:6]} {number[6:]}"}]},
        error=f"ligne de {CANARY}",
    )  # fmt: skip
    (jobs.folder() / job.file).write_text(CANARY)
    return second


def lay_down(world: World, number: str, wave: Wave) -> None:
    """A sample file with her row, and the rows that an import of it refused, in some wave."""
    row = f"telephone,nom,adresse,secteur\n0{number[3:]},Mme {CANARY},1 rue B,??\n"
    upload = sample_uploads.lay_down(wave, [row.encode()], "s.csv", world.alain, world.now)
    job = Job.objects.create(
        wave=wave, kind="sample", state="done", at=world.now, file="2-lignes-refusees-s.csv",
        params={"upload": upload.pk, "write": False, "file": "s.csv"}, result={},
    )  # fmt: skip
    (jobs.folder() / job.file).write_text(row)


def files(folder: Path) -> str:
    """Every file under the folder, as text."""
    return "".join(path.read_text() for path in sorted(folder.rglob("*")) if path.is_file())


def erase(*words: Any, **options: Any) -> str:
    out = io.StringIO()
    given = {"by": "alain", "reason": WHY} | options
    call_command("erase_respondent", *words, stdout=out, **given)
    return out.getvalue()


def test_nothing_of_her_is_left_in_any_table_or_file(
    world: World, tmp_path: Path, django_capture_on_commit_callbacks: Any
) -> None:
    person = a_whole_person(world)
    number = Phone.objects.get(case=person.case).e164
    for wave in (world.wave, world.other_wave):
        lay_down(world, number, wave)
    canaries, before = told(person.case), dump()
    assert all(canary in before for canary in canaries[:2]), "the search is sharp"
    assert all(canary in files(tmp_path) for canary in canaries[:2]), "in the files as well"
    with django_capture_on_commit_callbacks(execute=True):
        said = erase(f"0{number[3:]}")
    after = dump()
    assert [canary for canary in canaries if canary in after] == []
    assert [canary for canary in canaries if canary in files(tmp_path)] == []
    assert said.startswith("Fiches : 1. Lignes du journal vidées : ")
    assert not Note.objects.exists()
    assert LateAnswer.objects.count() == 2
    assert not LateAnswer.objects.exclude(value={}).exists()


def test_one_line_without_personal_data_is_kept(world: World) -> None:
    person = a_whole_person(world)
    erase(case=person.case.number, wave="2026")
    kept = Erasure.objects.get()
    assert (kept.case, kept.kind, kept.item, kept.by) == (person.case, "person", "", world.alain)
    emptied = AnswerEvent.objects.filter(kind="erased").exclude(cause="erasure")
    assert (kept.reason, kept.events) == (WHY, emptied.count())
    assert kept.events > 100
    assert not emptied.exclude(value={}).exists()


def test_calls_stay_and_the_interview_is_counted_no_more(world: World) -> None:
    person = a_whole_person(world)
    sector = Place.objects.get(family="sector").cell
    assert (sector.counted, sector.reserved) == (1, 0)
    attempts = list(Attempt.objects.order_by("pk").values("disposition", "aapor", "closed_at"))
    erase(case=person.case.number, wave="2026")
    sector.refresh_from_db()
    assert (sector.counted, sector.reserved, Place.objects.count()) == (0, 0, 0)
    assert attempts == list(
        Attempt.objects.order_by("pk").values("disposition", "aapor", "closed_at")
    )
    case = Case.objects.get(pk=person.case.pk)
    assert (case.disposition, case.state, case.attempts) == ("10", "closed", 2)
    interview = person.interview()
    assert (interview.outcome, interview.sector) == ("complete", "")
    assert interview.answers["answers"] == {}
    assert rebuild(interview) == []


def test_her_number_is_refused_to_a_later_import(world: World) -> None:
    person = a_whole_person(world)
    number = Phone.objects.get(case=person.case).e164
    erase(number)
    text = f"telephone,nom,adresse,secteur\n0{number[3:]},Autre,1 rue B,CN\n"
    file = io.BytesIO(text.encode())
    world.other_wave.sectors.create(code="CN", label="Croix-de-Neyrat", kind="qpv")
    other = import_sample(world.other_wave, file, "f.csv", by=world.alain, now=world.now)
    assert (other.accepted, other.refused) == (0, 1)
    assert "ne plus être appelée" in other.refusals[0].reason


def test_requests_stay_answered_and_say_nothing(world: World) -> None:
    person = a_whole_person(world)
    lines = list(AnswerEvent.objects.exclude(actor=None).values_list("pk", flat=True))
    erase(case=person.case.number, wave="2026")
    kept = IdempotentRequest.objects.filter(pk__in=lines)
    assert kept.count() > 100
    assert set(kept.values_list("body_hash", flat=True)) == {""}
    assert not IdempotentRequest.objects.exclude(body_hash="").exists()


def test_an_erasure_in_the_middle_of_a_call_ends_it(world: World) -> None:
    call = Talk(world, world.nadia)
    call.to_sector()
    erase(case=call.case.number, wave="2026")
    case = Case.objects.get(pk=call.case.pk)
    assert (case.state, case.holder, case.disposition) == ("closed", None, "42")
    with pytest.raises(StaleLease):
        call.answer("S06", 2)
    assert not LateAnswer.objects.exists()
    assert rebuild(call.interview()) == []


def with_health(world: World) -> Talk:
    """An interview in progress in which the health questions were accepted and answered."""
    call = Talk(world, world.nadia)
    call.to_sector()
    interview = call.interview()
    items = program_by_id(interview.version_id).instrument
    code = interview.next_item
    while code and items.theme_of[code.partition("@")[0]].code != "EDU":
        item = items.item(code)
        if item.type == "info":
            code = call.answer(code, {}, kind="seen")["next"]
        elif item.choices:
            first = item.choices[0].code
            code = call.answer(code, [first] if item.type == "multiple" else first)["next"]
        else:
            code = a_number(call, code)["next"]
    return call


def a_number(call: Talk, code: str) -> Any:
    """One that fits: a small one, or a year."""
    try:
        return call.answer(code, PLAIN.get(code, 2))
    except AnswerRefused:
        return call.answer(code, 2010)


def health(interview: Interview) -> dict[str, Any]:
    opened = program_by_id(interview.version_id).opened_by("SAN00")
    return {key: one for key, one in interview.answers["answers"].items() if key in opened}


def test_a_withdrawn_consent_takes_what_it_had_opened_and_nothing_else(world: World) -> None:
    call = with_health(world)
    before = call.interview()
    assert len(health(before)) > 3
    erase(case=call.case.number, wave="2026", consent="SAN00")
    after = call.interview()
    assert health(after) == {}
    assert after.answers["answers"]["SAN00"] == {"v": 2}
    kept = set(before.answers["answers"]) - set(health(before))
    assert kept == set(after.answers["answers"])
    assert rebuild(after) == []
    row = Erasure.objects.get()
    assert (row.kind, row.item, row.events >= len(health(before))) == ("consent", "SAN00", True)
    assert Case.objects.get(pk=call.case.pk).holder == world.nadia


def test_no_warm_copy_brings_back_what_was_erased(world: World) -> None:
    call = with_health(world)
    warm = call.interview()
    keep_warm(warm, walker_of(warm))
    erase(case=call.case.number, wave="2026", consent="SAN00")
    call.answer("S06", 2)
    assert health(call.interview()) == {}
    assert rebuild(call.interview()) == []


@pytest.mark.parametrize(("item", "why"), [("S06", "n’est pas une question"), ("DIS00", "pas été")])
def test_only_a_consent_that_was_given_is_withdrawn(world: World, item: str, why: str) -> None:
    call = Call(world, world.nadia)
    call.to_sector()
    with pytest.raises(CommandError, match=why):
        erase(case=call.case.number, wave="2026", consent=item)
    assert not Erasure.objects.exists()


def test_a_reason_that_names_her_is_refused(world: World) -> None:
    case = world.cases[0]
    Contact.objects.filter(case=case).update(name=f"Mme {CANARY}")
    number = case.phones.get().e164  # type: ignore[union-attr]
    for reason in (
        f"Demande de mme {CANARY.lower()}",
        f"Le 0{number[3]} {number[4:]} insiste",
        " ",
    ):
        with pytest.raises(CommandError):
            erase(case=case.number, wave="2026", reason=reason)
    assert Contact.objects.get(case=case).name


@pytest.mark.parametrize(
    "words",
    [{}, {"case": 1}, {"case": 99, "wave": "2026"}, {"by": "personne", "case": 1, "wave": "2026"},
     {"number": "01 99 00 00 01", "case": 1, "wave": "2026"}, {"number": "12"}],
)  # fmt: skip
def test_what_names_nobody_erases_nobody(world: World, words: dict[str, Any]) -> None:
    numbers = [words.pop("number")] if "number" in words else []
    with pytest.raises(CommandError):
        erase(*numbers, **words)
    assert User.objects.exists()
    assert not Erasure.objects.exists()
