"""Accounts, roles in a wave, skills; every wave always keeps somebody who may administer it.

Whoever administers a wave decides about its people, and about an account only where she administers
every wave in which it has a role: nobody rises by resetting a stranger's password.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.validators import UnicodeUsernameValidator
from django.contrib.sessions.models import Session
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _
from rest_framework.authtoken.models import Token

from cati.models import Case, Membership, Role, User, Wave
from cati.operations import leases
from cati.operations.errors import Refused

# Without letters and digits that are taken for one another when they are read aloud.
LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
# Languages in which an interview may be led, beside French, by ISO 639-1.
LANGUAGES = ("en", "ar", "tr", "pt", "es", "it", "de", "pl", "ro", "ru", "uk", "zh")


@dataclass(frozen=True)
class Profile:
    """Who somebody is and what she can do; `languages` beside French."""

    first_name: str
    last_name: str
    languages: Sequence[str] = ()
    converts_refusals: bool = False


def create_account(
    wave: Wave, username: str, profile: Profile, role: str, now: datetime
) -> tuple[User, str]:
    """A new account with a role in the wave, and its password, which is kept nowhere else."""
    username = username.strip()
    checked = _checked(profile)
    if role not in Role.values:
        raise Refused({"role": _("Choisissez un rôle.")})
    try:
        UnicodeUsernameValidator()(username)
    except ValidationError:
        bad = _("L’identifiant n’a que des lettres, des chiffres et les signes . - _ @ +")
        raise Refused({"username": bad}) from None
    if len(username) > 150 or User.objects.filter(username__iexact=username).exists():
        taken = _("Un compte a déjà cet identifiant. Ajoutez-le à la vague, ou choisissez-en un.")
        raise Refused({"username": taken})
    password = new_password()
    with transaction.atomic():
        user = User(username=username, date_joined=now, **vars(checked))
        user.set_password(password)
        user.save()
        Membership.objects.create(user=user, wave=wave, role=role)
    return user, password


def add_to_wave(wave: Wave, username: str, role: str, by: User) -> User:
    """Give somebody who has an account a role in the wave. Refused where nobody has that name."""
    person = User.objects.filter(username=username.strip(), is_active=True).first()
    if person is None:
        unknown = _("Aucun compte actif n’a cet identifiant. Vérifiez-le, ou créez le compte.")
        raise Refused({"known": unknown})
    set_role(wave, person, role, by)
    return person


def set_role(wave: Wave, person: User, role: str, by: User) -> None:
    """Change or, with '', withdraw the role of somebody in the wave: at her next request it holds.

    Refused where the wave would be left without an admin, and for one's own role.
    """
    if role and role not in Role.values:
        raise Refused({"role": _("Choisissez un rôle.")})
    if person == by:
        own = _("Votre propre rôle se change par un autre administrateur.")
        raise Refused({"role": own})
    with transaction.atomic():
        if role != Role.ADMIN:
            _keep_an_admin(wave, person)
        if role:
            Membership.objects.update_or_create(
                user=person, wave=wave, defaults={"role": role, "active": True}
            )
        else:
            Membership.objects.filter(user=person, wave=wave).update(active=False)


def set_profile(person: User, profile: Profile, by: User) -> None:
    _check_may_change(person, by)
    checked = _checked(profile)
    person.first_name, person.last_name = checked.first_name, checked.last_name
    person.languages, person.converts_refusals = checked.languages, checked.converts_refusals
    person.save(update_fields=["first_name", "last_name", "languages", "converts_refusals"])


def reset_password(person: User, by: User) -> str:
    """A new password, kept nowhere else; whoever is logged in by the old one is out."""
    _check_may_change(person, by)
    password = new_password()
    with transaction.atomic():
        person.set_password(password)
        person.save(update_fields=["password"])
        _end_sessions(person)
    return password


def deactivate(person: User, by: User, now: datetime) -> None:
    """Shut the account: sessions, tokens and the case in hand end at once; its past stays."""
    if person == by:
        raise Refused({"": _("Votre propre compte se ferme par un autre administrateur.")})
    _check_may_change(person, by)
    with transaction.atomic():
        for wave in Wave.objects.filter(memberships__user=person).order_by("pk"):
            _keep_an_admin(wave, person)
        User.objects.filter(pk=person.pk).update(is_active=False)
        _end_sessions(person)
        for case in Case.objects.filter(holder=person):
            leases.release(case.pk, person, case.epoch, now)


def activate(person: User, by: User) -> None:
    _check_may_change(person, by)
    User.objects.filter(pk=person.pk).update(is_active=True)


def new_password() -> str:
    """Three groups of four signs that are read aloud without a mistake: 59 bits."""
    return "-".join("".join(secrets.choice(LETTERS) for _ in range(4)) for _ in range(3))


def _keep_an_admin(wave: Wave, leaving: User) -> None:
    """Raises Refused where nobody else administers the wave; two who leave at once wait here."""
    Wave.objects.select_for_update(of=("self",)).get(pk=wave.pk)
    admins = Membership.objects.filter(
        wave=wave, role=Role.ADMIN, active=True, user__is_active=True
    )
    if not admins.filter(user=leaving).exists() or admins.exclude(user=leaving).exists():
        return
    last = _("C’est le dernier administrateur de « %(wave)s ». Nommez-en d’abord un autre.")
    raise Refused({"": last % {"wave": wave.name}})


def _check_may_change(person: User, by: User) -> None:
    """Refused unless `by` administers every wave in which the person has a role, or is she."""
    if person == by:
        return
    hers = Wave.objects.filter(
        memberships__user=person, memberships__active=True, practice_for=None
    )
    mine = Membership.objects.filter(user=by, role=Role.ADMIN, active=True).values("wave")
    beyond = hers.exclude(pk__in=mine).first()
    if beyond or (person.is_superuser and not by.is_superuser):
        place = beyond.name if beyond else _("le serveur")
        strange = _("Ce compte sert aussi dans « %(wave)s », que vous n’administrez pas.")
        raise Refused({"": strange % {"wave": place}})


def _checked(profile: Profile) -> Profile:
    first, last = profile.first_name.strip(), profile.last_name.strip()
    if not first or not last or max(len(first), len(last)) > 150:
        raise Refused({"name": _("Donnez un prénom et un nom.")})
    if not set(LANGUAGES).issuperset(profile.languages):
        raise Refused({"languages": _("Choisissez les langues dans la liste.")})
    return Profile(first, last, sorted(profile.languages), profile.converts_refusals)


def _end_sessions(person: User) -> None:
    """Without this, a session of before would live again with the account."""
    Token.objects.filter(user=person).delete()
    for session in Session.objects.all().iterator():
        if session.get_decoded().get("_auth_user_id") == str(person.pk):
            session.delete()
