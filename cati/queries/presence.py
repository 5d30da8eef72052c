"""Reads of the telephone room: breaks, messages, and the outcome that may still be taken back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, F, Min, Q, QuerySet

from cati.core.dispositions import OPPOSED
from cati.models import Attempt, Break, Message, User, Wave
from cati.queries.days import local_midnight

TAKEN_BACK_WITHIN = timedelta(minutes=2)
SHOWN, SHOWN_OF_ALL = 5, 50


@dataclass(frozen=True)
class Presence:
    """The day of an interviewer: since her first call or break, minutes of breaks, the open one."""

    since: datetime | None
    minutes: int
    resting: Break | None


def presence(wave: Wave, user: User, now: datetime) -> Presence:
    """Of the local day of `now`; a break that began yesterday counts from midnight."""
    midnight = local_midnight(now)
    breaks = list(
        Break.objects.filter(Q(ended_at__gte=midnight) | Q(ended_at=None), wave=wave, user=user)
    )
    rested = sum(
        ((one.ended_at or now) - max(one.began_at, midnight) for one in breaks), timedelta()
    )
    calls = Attempt.objects.filter(case__wave=wave, interviewer=user, opened_at__gte=midnight)
    first = calls.aggregate(first=Min("opened_at"))["first"]
    began = [max(one.began_at, midnight) for one in breaks] + ([first] if first else [])
    return Presence(
        since=min(began, default=None),
        minutes=int(rested.total_seconds() // 60),
        resting=next((one for one in breaks if one.ended_at is None), None),
    )


def resting_in(wave: Wave) -> QuerySet[Break]:
    """Who is on a break now, the longest first."""
    open_breaks = Break.objects.filter(wave=wave, ended_at=None)
    return open_breaks.select_related("user").order_by("began_at")


def messages_for(wave: Wave, user: User) -> list[tuple[Message, datetime | None]]:
    """Hers with when she read them, the unread first; the last few: older ones are old news."""
    read_at = Min("readings__at", filter=Q(readings__user=user))
    hers = Message.objects.filter(Q(to=None) | Q(to=user), wave=wave).annotate(read_at=read_at)
    unread_first = F("read_at").desc(nulls_first=True)
    shown = hers.select_related("author").order_by(unread_first, "-at")[:SHOWN]
    return [(message, message.read_at) for message in shown]


def messages_of(wave: Wave) -> list[tuple[Message, int]]:
    """What was said in the wave, the last first, and how many have read it."""
    said = Message.objects.filter(wave=wave).annotate(read=Count("readings"))
    return [(one, one.read) for one in said.select_related("author", "to")[:SHOWN_OF_ALL]]


def may_take_back(wave: Wave, user: User, now: datetime) -> Attempt | None:
    """The last call of hers, where its outcome is two minutes old at most and nobody took over."""
    calls = Attempt.objects.filter(
        Q(case__holder=None) | Q(case__holder=user),
        case__wave=wave,
        interviewer=user,
        closed_at__gte=now - TAKEN_BACK_WITHIN,
        abandoned=False,
    ).exclude(disposition=OPPOSED)
    # By its number, as the operation has it: a clock set back leaves earlier calls in the future.
    last = calls.select_related("case").order_by("-pk").first()
    if last is None or last.case.calls.filter(pk__gt=last.pk).exists():
        return None
    return None if last.case.acts.filter(at__gt=last.closed_at).exists() else last
