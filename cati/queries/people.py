"""Reads of the people of a wave: their role, what they can do, whether they may still log in."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from cati.models import Membership, Role, User, Wave


def people_of(wave: Wave, text: str, role: str) -> QuerySet[Membership]:
    """Everybody who has or had a role in the wave, by name; every word is in a name."""
    people = Membership.objects.filter(wave=wave).select_related("user")
    if role in Role.values:
        people = people.filter(role=role, active=True)
    elif role == "none":
        people = people.filter(Q(active=False) | Q(user__is_active=False))
    for word in text.replace("\0", "").split():
        name = Q(user__first_name__icontains=word) | Q(user__last_name__icontains=word)
        people = people.filter(name | Q(user__username__icontains=word))
    return people.order_by("-active", "-user__is_active", "user__last_name", "user__username")


def interviewers_of(wave: Wave) -> QuerySet[User]:
    """Who may be given a case."""
    return User.objects.filter(
        memberships__wave=wave,
        memberships__active=True,
        memberships__role=Role.INTERVIEWER,
        is_active=True,
    ).order_by("last_name", "first_name")


def callers_of(wave: Wave) -> QuerySet[User]:
    """Everybody who has a role in the wave that calls, or had one, for a filter."""
    return User.objects.filter(memberships__wave=wave, memberships__role=Role.INTERVIEWER).order_by(
        "last_name", "first_name"
    )
