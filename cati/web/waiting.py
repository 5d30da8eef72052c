"""The key under which a page keeps an answer that the server does not have yet.

It follows from the server's secret, the person and the interview: whoever finds the machine finds
letters without a meaning, and the same person on the same interview reads them again.
"""

from __future__ import annotations

from base64 import b64encode

from django.utils.crypto import salted_hmac

from cati.models import User
from questionnaire.models import Interview


def waiting_key(user: User, interview: Interview) -> str:
    """256 bits in base64, the same at every request."""
    named = f"{user.pk} {interview.pk}"
    return b64encode(salted_hmac("cati.waiting", named, algorithm="sha256").digest()).decode()
