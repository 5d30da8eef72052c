"""Breaks, and what the supervisor says to the room."""

from __future__ import annotations

from datetime import datetime

from django.db import connection, transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from cati.models import Break, Membership, Message, Reading, Role, User, Wave
from cati.operations.calls import hand_back_other
from cati.operations.errors import Refused

MOST_LETTERS = 400
# One that a clock set back has overtaken ends as it began: it keeps nobody from her next case.
END_BREAK = """
UPDATE cati_break SET ended_at = greatest(began_at, %s) WHERE user_id = %s AND ended_at IS NULL
"""


def take_break(wave: Wave, user: User, now: datetime) -> None:
    """Begin a break; a case that waits to be dialled goes back. Raises Refused during a call."""
    with transaction.atomic():
        hand_back_other(user, now)
        Break.objects.get_or_create(
            user=user, ended_at=None, defaults={"wave": wave, "began_at": now}
        )


def end_break(user: User, now: datetime) -> None:
    """Back at work; nothing where no break is open. Every claim asks."""
    with connection.cursor() as cursor:
        cursor.execute(END_BREAK, [now, user.pk])


def say(wave: Wave, author: User, text: str, to: int | None, now: datetime) -> Message:
    """Leave a message to all interviewers of the wave, or to one. Raises Refused, by field."""
    text = " ".join(text.split())
    if not text:
        raise Refused({"text": _("Le message est vide : écrivez-le.")})
    if len(text) > MOST_LETTERS:
        raise Refused({"text": _("Le message dépasse 400 caractères. Raccourcissez-le.")})
    if to is not None:
        enrolled = Membership.objects.filter(wave=wave, user=to, role=Role.INTERVIEWER, active=True)
        if not enrolled.exists():
            raise Refused({"to": _("Choisissez un enquêteur de la vague.")})
    return Message.objects.create(wave=wave, author=author, to_id=to, text=text, at=now)


def read(wave: Wave, message_id: int, user: User, now: datetime) -> None:
    """Keep that `user` has read a message of hers; once, and silent about any other."""
    hers = Message.objects.filter(Q(to=None) | Q(to=user), wave=wave, pk=message_id)
    for message in hers:
        Reading.objects.get_or_create(message=message, user=user, defaults={"at": now})
