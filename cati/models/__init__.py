"""Rows of the fieldwork: who works, which wave, whom to call, what happened, what is counted."""

from cati.models.calls import Appointment, Attempt, Note
from cati.models.erasures import Erasure
from cati.models.jobs import Download, Job
from cati.models.people import Membership, Role, User
from cati.models.presence import Break, Message, Reading
from cati.models.quarantine import LateAnswer
from cati.models.quotas import Place, QuotaAct, QuotaCell
from cati.models.requests import IdempotentRequest
from cati.models.sample import (
    Case,
    CaseAct,
    CaseInterview,
    Contact,
    Opposition,
    Phone,
    PhoneHold,
    Replicate,
    SampleImport,
    SampleUpload,
)
from cati.models.survey import RulesAct, Sector, Wave

__all__ = [
    "Appointment",
    "Attempt",
    "Break",
    "Case",
    "CaseAct",
    "CaseInterview",
    "Contact",
    "Download",
    "Erasure",
    "IdempotentRequest",
    "Job",
    "LateAnswer",
    "Membership",
    "Message",
    "Note",
    "Opposition",
    "Phone",
    "PhoneHold",
    "Place",
    "QuotaAct",
    "QuotaCell",
    "Reading",
    "Replicate",
    "Role",
    "RulesAct",
    "SampleImport",
    "SampleUpload",
    "Sector",
    "User",
    "Wave",
]
