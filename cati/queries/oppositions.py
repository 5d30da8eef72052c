"""Reads of the opposition list: keys, and what the samples still know of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.conf import settings
from django.db.models import Q, QuerySet

from cati.core.phones import BadPhone, normalise, phone_key
from cati.models import Opposition, Phone, Wave
from cati.queries.cases import search_cases


@dataclass(frozen=True)
class Opposed:
    """One key of the list; `number` is '' where no sample has it, or it was purged.

    `cases` are the numbers of the wave's cases that have it.
    """

    row: Opposition
    number: str
    name: str
    cases: Sequence[int]


def oppositions(wave: Wave, text: str) -> QuerySet[Opposition]:
    """The list, the latest first; with a text, what means a case of the wave, a reason, a person,
    or a whole telephone number, which no case need have."""
    found = Opposition.objects.select_related("by")
    text = text.replace("\0", "").strip()
    if text:
        phones = Phone.objects.filter(case__in=search_cases(wave, text)).values("phone_key")
        means = Q(phone_key__in=phones) | Q(reason__icontains=text) | Q(phone_key=_key_of(text))
        found = found.filter(means | Q(by__last_name__icontains=text))
    return found.order_by("-at", "phone_key")


def _key_of(text: str) -> str:
    """The key of a text that is a telephone number; '' of any other."""
    try:
        return phone_key(normalise(text), settings.PHONE_KEY_SECRET)
    except BadPhone:
        return ""


def with_cases(wave: Wave, rows: Iterable[Opposition]) -> list[Opposed]:
    """Each key with the wave's cases that have it. One read for all."""
    rows = list(rows)
    keys = [row.phone_key for row in rows]
    phones = Phone.objects.filter(case__wave=wave, phone_key__in=keys).order_by("case__number")
    by_key: dict[str, list[Phone]] = {}
    for phone in phones.select_related("case__contact"):
        by_key.setdefault(phone.phone_key, []).append(phone)
    return [_opposed(row, by_key.get(row.phone_key, [])) for row in rows]


def _opposed(row: Opposition, phones: Sequence[Phone]) -> Opposed:
    contacts = [getattr(phone.case, "contact", None) for phone in phones]
    return Opposed(
        row,
        number=next((phone.e164 for phone in phones if phone.e164), ""),
        name=next((contact.name for contact in contacts if contact and contact.name), ""),
        cases=[phone.case.number for phone in phones],
    )
