"""Interviewers on a database that is killed: `python -m tests.cati.killed_writers prepare|write N`.

Each writer is a thread with a person, a case and an interview of her own. She answers question
after question through the product's operation, and sends what was not acknowledged again, with the
same UUID, until it is. `write` goes on until its standard input is closed, and then prints what was
acknowledged, one JSON line each: uuid, case, item, value, and how often it was sent.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from random import Random
from threading import Event as Flag
from threading import Thread
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from questionnaire.core.state import Event

WRITERS = 50
PROCESSES = 2
# Between two attempts, as the page waits before it sends an answer again.
PAUSE = 0.1


def prepare() -> None:
    """A wave with WRITERS people, each in an interview of her own; their cases on standard output.

    The interviews are begun by the product, so that their journals start as they do in the field.
    """
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    from django.conf import settings

    from cati import clock
    from cati.core.phones import phone_key
    from cati.models import Case, Contact, Phone, Wave
    from cati.operations import calls, claim
    from cati.operations.record import begin_interview
    from cati.operations.setup_wave import (
        create_wave,
        load_sectors,
        load_targets,
        published_sectors,
    )
    from questionnaire.core.instrument import from_json
    from questionnaire.operations import publish
    from tests.world import PARAMETERS, content, fictional, person

    now = clock.now()
    version = publish(from_json(content()), name="allo_quartiers", actor=None, now=now)
    wave = create_wave(
        "Vague", "2026", 2026, now=now, version=version, parameters=PARAMETERS,
        state=Wave.State.OPEN,
    )  # fmt: skip
    sectors = load_sectors(wave, published_sectors())
    load_targets(wave, {"VE": 10 * WRITERS})
    for number in range(1, WRITERS + 1):
        case = Case.objects.create(
            wave=wave, number=number, frame_sector=sectors["VE"],
            due_at=now - timedelta(minutes=1),
        )  # fmt: skip
        Contact.objects.create(case=case)
        e164 = fictional(number)
        key = phone_key(e164, settings.PHONE_KEY_SECRET)
        Phone.objects.create(case=case, e164=e164, phone_key=key)
    for number in range(WRITERS):
        user = person(f"writer{number}", "W", str(number), interviewer=wave)
        held = claim.next_case(wave, user, now)
        assert held is not None
        calls.dial(held.pk, user, held.epoch, held.phones.all()[0].pk, now)
        begin_interview(held.pk, user, held.epoch, now)


class Writer:
    """One thread's worth of answers; `acknowledged` is what she may rely on."""

    def __init__(self, case: Any, stop: Flag) -> None:
        self.case, self.user, self.stop = case, case.holder, stop
        self.draw = Random(case.number)
        self.acknowledged: list[dict[str, Any]] = []

    def work(self) -> None:
        from django.db import connection

        while not self.stop.is_set():
            self.answer()
        connection.close()

    def answer(self) -> None:
        """One answer, sent until it is acknowledged or refused for what it says."""
        from cati import clock
        from cati.operations.record import AnswerInput, save_answer
        from questionnaire.operations import AnswerRefused

        event = self.insist(self.next)
        uuid = UUID(int=self.draw.getrandbits(128), version=4)
        given = AnswerInput(uuid, event.kind, event.item, event.instance, dict(event.value))
        sent = 0

        def send() -> Any:
            nonlocal sent
            sent += 1
            return save_answer(self.case.pk, self.user, self.case.epoch, given, clock.now())

        try:
            reply = self.insist(send)
        except AnswerRefused:
            return
        assert reply.status == 200, reply
        line = {"uuid": str(uuid), "item": given.item, "value": given.value, "sent": sent}
        self.acknowledged.append(line | {"case": self.case.pk, "seq": reply.body["seq"]})

    def next(self) -> Event:
        """What she answers now: mostly the next question, at times an earlier one, corrected."""
        from cati.queries import current_interview
        from questionnaire.core.respondents import random_event
        from questionnaire.queries import walker_of

        interview = current_interview(self.case)
        assert interview is not None
        walker = walker_of(interview)
        key = walker.next()
        if key is None or self.draw.random() < 0.2:
            key = self.draw.choice(walker.route().asked)
        return random_event(walker, key, self.draw)

    def insist(self, act: Any) -> Any:
        from django.db import InterfaceError, OperationalError, connection

        while True:
            try:
                return act()
            except (OperationalError, InterfaceError):
                connection.close()
                time.sleep(PAUSE)


def write(share: int) -> None:
    """The writers of one of PROCESSES processes, until standard input is closed."""
    from cati.models import Case

    stop = Flag()
    cases = list(Case.objects.select_related("wave", "holder").order_by("pk"))[share::PROCESSES]
    writers = [Writer(case, stop) for case in cases]
    with ThreadPoolExecutor(len(writers)) as pool:
        working = [pool.submit(writer.work) for writer in writers]
        Thread(target=until_closed, args=[stop], daemon=True).start()
        for one in working:
            one.result()
    for writer in writers:
        for line in writer.acknowledged:
            print(json.dumps(line))


def until_closed(stop: Flag) -> None:
    sys.stdin.read()
    stop.set()


def main() -> None:
    os.environ["POOL_SIZE"] = str(WRITERS // PROCESSES + 1)
    import django

    django.setup()
    # That the server is gone is what these writers are about.
    logging.getLogger("psycopg.pool").setLevel(logging.ERROR)
    if sys.argv[1] == "prepare":
        prepare()
    else:
        write(int(sys.argv[2]))


if __name__ == "__main__":
    main()
