"""The sample: pseudonymous cases, the contact data beside them, and who holds what.

`Case` carries no personal data. `Contact` and `Phone` do, and can be purged while the answers stay;
`phone_key`, an HMAC of the number, survives the purge and carries deduplication, opposition and
the hold.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Func, Q, Value
from django.db.models.functions import Lower, Replace
from django.utils.translation import gettext_lazy as _

from cati.core.search import LETTERS, LIGATURES, PLAIN


def searched(field: str) -> Func:
    """The field as it is searched, made by the database: what `cati.core.search.plain` makes."""
    text: F | Func = F(field)
    for ligature, letters in LIGATURES.items():
        text = Replace(text, Value(ligature), Value(letters))
    return Lower(Func(text, Value(LETTERS), Value(PLAIN), function="translate"))


class SampleUpload(models.Model):
    """A file that somebody laid down to import: how it is to be read, and where it lies.

    `columns` gives the position of each field; `stored` is a name under DATA_DIR/uploads, emptied
    once the file is removed: it holds names and numbers, and stays no longer than it must.
    """

    class Earlier(models.TextChoices):
        """What becomes of a number that an earlier wave had."""

        ACCEPT = "accept", _("l’importer quand même")
        INTERVIEWED = "interviewed", _("le refuser si un entretien y a été fait")
        REFUSE = "refuse", _("le refuser")

    wave = models.ForeignKey("cati.Wave", on_delete=models.CASCADE, related_name="uploads")
    filename = models.CharField(max_length=200)
    stored = models.CharField(max_length=60, blank=True)
    rows = models.PositiveIntegerField()
    header = models.JSONField()
    columns = models.JSONField()
    earlier = models.CharField(max_length=12, choices=Earlier.choices, default=Earlier.ACCEPT)
    at = models.DateTimeField()
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(earlier__in=["accept", "interviewed", "refuse"]),
                name="upload_earlier_known",
            )
        ]


class SampleImport(models.Model):
    """One file read into the sample, with what was read and what was refused."""

    wave = models.ForeignKey("cati.Wave", on_delete=models.CASCADE, related_name="imports")
    filename = models.CharField(max_length=200)
    encoding = models.CharField(max_length=20)
    digest = models.CharField(max_length=64)
    accepted = models.PositiveIntegerField()
    refused = models.PositiveIntegerField()
    at = models.DateTimeField()
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["wave", "digest"], name="sample_file_once_per_wave")
        ]


class Replicate(models.Model):
    """A random part of the sample, called once the supervisor releases it.

    A case whose replicate has no row here is of a sample without replicates: it may be called.
    """

    wave = models.ForeignKey("cati.Wave", on_delete=models.CASCADE, related_name="replicates")
    number = models.PositiveSmallIntegerField()
    released_at = models.DateTimeField(null=True, blank=True)
    released_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["wave", "number"], name="replicate_once_per_wave")
        ]


class Case(models.Model):
    """One household to reach. `frame_sector` comes from the sample and never changes.

    A lease is (holder, epoch, lease_until): the epoch grows with every claim, and a write that
    carries an older one is a stale holder's.
    """

    class State(models.TextChoices):
        OPEN = "open", _("ouverte")
        CLOSED = "closed", _("close")

    class Tier(models.IntegerChoices):
        """Order of service; within a tier, see docs/scheduling.md."""

        PUSHED = 0, _("poussée par le superviseur")
        LINE_CUT = 1, _("ligne coupée")
        APPOINTMENT = 2, _("rendez-vous ferme")
        BUSY = 3, _("occupé")
        SOFT = 4, _("rendez-vous indicatif ou reprise")
        RETRY = 5, _("relance")
        FRESH = 6, _("jamais appelée")

    wave = models.ForeignKey("cati.Wave", on_delete=models.CASCADE, related_name="cases")
    number = models.PositiveIntegerField()
    frame_sector = models.ForeignKey("cati.Sector", on_delete=models.PROTECT, related_name="+")
    source = models.ForeignKey(SampleImport, on_delete=models.PROTECT, null=True)
    replicate = models.PositiveSmallIntegerField(default=1)
    # Variables of the sample file that the questionnaire declares, by name.
    preloads = models.JSONField(default=dict, blank=True)
    state = models.CharField(max_length=8, choices=State.choices, default=State.OPEN)
    disposition = models.CharField(max_length=8, blank=True, default="")
    tier = models.PositiveSmallIntegerField(choices=Tier.choices, default=Tier.FRESH)
    due_at = models.DateTimeField()
    # The part of the week in which a case that was rung is rung again: 0 for any, none once a
    # maximum leaves no call. Other tiers do not read it.
    part = models.PositiveSmallIntegerField(default=0, null=True, blank=True)
    # In which the household is called, where French will not do; '' for French.
    language = models.CharField(max_length=8, blank=True, default="")
    attempts = models.PositiveSmallIntegerField(default=0)
    # Eligibility established: the AAPOR class of a later outcome depends on it.
    screened = models.BooleanField(default=False)
    jitter = models.FloatField(default=0)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    holder = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="held_cases",
    )
    epoch = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["wave", "number"], name="case_number_once_per_wave"),
            models.UniqueConstraint(
                fields=["holder"], condition=Q(holder__isnull=False), name="case_one_per_holder"
            ),
            models.CheckConstraint(
                condition=Q(holder__isnull=True, lease_until__isnull=True)
                | Q(holder__isnull=False, lease_until__isnull=False),
                name="case_lease_whole",
            ),
            models.CheckConstraint(
                condition=Q(state="open") | Q(state="closed", holder__isnull=True),
                name="case_closed_is_not_held",
            ),
            models.CheckConstraint(condition=Q(tier__lte=6), name="case_tier_known"),
            models.CheckConstraint(
                condition=Q(part__isnull=True) | Q(part__lte=9), name="case_part_known"
            ),
            # The part of a fresh number follows from its draw, and its lanes are those of part 0.
            models.CheckConstraint(
                condition=~Q(tier=6) | Q(part__isnull=False, part=0), name="case_fresh_has_no_part"
            ),
        ]
        indexes = [
            # Promises alone: were the tries in it too, the planner would read all that are due.
            models.Index(
                fields=["wave", "tier", "due_at", "attempts", "jitter"],
                condition=Q(state="open", holder__isnull=True, tier__lte=4),
                name="case_promised",
            ),
            models.Index(
                fields=["wave", "tier", "part", "frame_sector", "attempts", "jitter", "due_at"],
                condition=Q(state="open", holder__isnull=True),
                name="case_lane",
            ),
            models.Index(
                fields=["lease_until"], condition=Q(holder__isnull=False), name="case_leased"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.number}"


class CaseInterview(models.Model):
    """Ties a case to its interviews; at most one of them is the current one."""

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="interviews")
    interview = models.OneToOneField(
        "questionnaire.Interview", on_delete=models.PROTECT, related_name="case_link"
    )
    current = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["case"], condition=Q(current=True), name="case_one_current_interview"
            )
        ]


class Contact(models.Model):
    """Who lives there. `kept` holds the answers that the instrument stores with the contact."""

    case = models.OneToOneField(Case, on_delete=models.CASCADE, related_name="contact")
    name = models.CharField(max_length=120, blank=True)
    address = models.CharField(max_length=250, blank=True)
    search = models.GeneratedField(
        expression=searched("name"),
        output_field=models.CharField(max_length=250),
        db_persist=True,
    )
    kept = models.JSONField(default=dict, blank=True)


class Phone(models.Model):
    """One number of a case, the lowest rank tried first; `e164` is emptied by the purge."""

    class State(models.TextChoices):
        VALID = "valid", _("valide")
        CLOSED = "closed", _("hors service")

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="phones")
    rank = models.PositiveSmallIntegerField(default=1)
    e164 = models.CharField(max_length=16, blank=True)
    phone_key = models.CharField(max_length=64, db_index=True)
    mobile = models.BooleanField(default=False)
    state = models.CharField(max_length=8, choices=State.choices, default=State.VALID)
    disposition = models.CharField(max_length=8, blank=True, default="")

    class Meta:
        ordering = ["rank"]
        constraints = [
            models.UniqueConstraint(fields=["case", "rank"], name="phone_rank_once_per_case"),
            models.UniqueConstraint(fields=["case", "phone_key"], name="phone_once_per_case"),
        ]


class PhoneHold(models.Model):
    """A number that somebody may ring now: unique, so nobody else can, whichever case it is in."""

    phone_key = models.CharField(max_length=64, primary_key=True)
    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="holds")
    epoch = models.PositiveIntegerField()
    until = models.DateTimeField()


class Opposition(models.Model):
    """A number that must never be rung again, in any wave; it survives purge and re-import.

    `case` is the one in which the person was found, where there was one.
    """

    phone_key = models.CharField(max_length=64, primary_key=True)
    case = models.ForeignKey(
        Case, on_delete=models.SET_NULL, null=True, blank=True, related_name="oppositions"
    )
    reason = models.CharField(max_length=200, blank=True)
    at = models.DateTimeField()
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )


class CaseAct(models.Model):
    """What somebody did to a case besides calling it, and why; never changed afterwards."""

    class Kind(models.TextChoices):
        ASSIGN = "assign", _("confiée à quelqu’un")
        PUSH = "push", _("mise en tête")
        CLOSE = "close", _("close")
        REOPEN = "reopen", _("rouverte")
        OPPOSE = "oppose", _("opposition")
        TAKE_OVER = "take_over", _("retirée à qui la tenait")
        INBOUND = "inbound", _("rappel de la personne")
        TAKE_BACK = "take_back", _("issue reprise")

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="acts")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    reason = models.CharField(max_length=200, blank=True)
    # To whom it was given, or from whom it was taken.
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        ordering = ["-at", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    kind__in=[
                        "assign",
                        "push",
                        "close",
                        "reopen",
                        "oppose",
                        "take_over",
                        "inbound",
                        "take_back",
                    ]
                ),
                name="act_kind_known",
            )
        ]
