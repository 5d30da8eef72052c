"""Decides whether a text is a telephone number that may be rung, and by what key it is known.

It never keeps a number: the key, an HMAC under the installation's secret, is what may be stored
for ever. Theory: ITU-T E.164; validity by Google's libphonenumber; HMAC by RFC 2104.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from enum import Enum, auto

import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberFormat, PhoneNumberType, ValidationResult


class Reason(Enum):
    """Why a text is no number that we may ring."""

    EMPTY = auto()
    ROUNDED = auto()
    CHARACTERS = auto()
    TOO_SHORT = auto()
    TOO_LONG = auto()
    UNASSIGNED = auto()
    NOT_A_HOME = auto()


@dataclass
class BadPhone(ValueError):
    """The text is no number that may be rung, and why."""

    reason: Reason


# libphonenumber reads letters as a keypad does (0800 FLEURS): in a sample they are a mistake.
_WRITTEN = re.compile(r"[+\d\s().\-/  ]*", re.ASCII)
# What a spreadsheet leaves of a number that it took for a quantity; its last digits are lost.
_ROUNDED = re.compile(r"\d(?:[.,]\d+)?[eE]\+?\d+")
_HOMES = {
    PhoneNumberType.FIXED_LINE,
    PhoneNumberType.MOBILE,
    PhoneNumberType.FIXED_LINE_OR_MOBILE,
    PhoneNumberType.VOIP,
    PhoneNumberType.PERSONAL_NUMBER,
}
_LENGTHS = {
    ValidationResult.TOO_SHORT: Reason.TOO_SHORT,
    ValidationResult.TOO_LONG: Reason.TOO_LONG,
    ValidationResult.IS_POSSIBLE_LOCAL_ONLY: Reason.TOO_SHORT,
}


def normalise(raw: str, region: str = "FR") -> str:
    """The number in E.164 ("+33199001234"), read as dialled from `region`. Raises BadPhone."""
    number = _parsed(raw.strip(), region)
    if not phonenumbers.is_valid_number(number):
        length = phonenumbers.is_possible_number_with_reason(number)
        raise BadPhone(_LENGTHS.get(length, Reason.UNASSIGNED))
    if phonenumbers.number_type(number) not in _HOMES:
        raise BadPhone(Reason.NOT_A_HOME)
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def _parsed(text: str, region: str) -> PhoneNumber:
    if not text:
        raise BadPhone(Reason.EMPTY)
    if _ROUNDED.fullmatch(text):
        raise BadPhone(Reason.ROUNDED)
    if not _WRITTEN.fullmatch(text):
        raise BadPhone(Reason.CHARACTERS)
    try:
        return phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException as problem:
        long = problem.error_type == phonenumbers.NumberParseException.TOO_LONG
        raise BadPhone(Reason.TOO_LONG if long else Reason.TOO_SHORT) from None


def phone_key(e164: str, secret: str) -> str:
    """64 hexadecimal digits that stand for the number under this installation's secret.

    Raises ValueError without a secret: anybody could list the keys of all numbers of a country.
    """
    if not secret:
        raise ValueError("a phone key needs a secret")
    return hmac.new(secret.encode(), e164.encode(), hashlib.sha256).hexdigest()


def is_mobile(e164: str) -> bool:
    """Whether the number is a mobile's, by its range."""
    kind = phonenumbers.number_type(phonenumbers.parse(e164))
    return kind == PhoneNumberType.MOBILE


def display(e164: str, region: str = "FR") -> str:
    """The number as people of `region` write it: "01 99 00 12 34", "+32 2 555 12 12"."""
    number = phonenumbers.parse(e164)
    home = phonenumbers.country_code_for_region(region) == number.country_code
    style = PhoneNumberFormat.NATIONAL if home else PhoneNumberFormat.INTERNATIONAL
    return phonenumbers.format_number(number, style)
