"""People and the role that each holds in a wave."""

from __future__ import annotations

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils.translation import gettext_lazy as _


class User(AbstractUser):
    """Somebody who logs in. `is_demo` marks the accounts whose passwords are printed."""

    is_demo = models.BooleanField(default=False)
    languages = models.JSONField(default=list, blank=True)
    # May call back those who have refused softly.
    converts_refusals = models.BooleanField(default=False)

    @property
    def short_name(self) -> str:
        """« Nadia B. » : enough to recognise a colleague beside a call."""
        if self.first_name and self.last_name:
            return f"{self.first_name} {self.last_name[0]}."
        return self.first_name or self.username


class Role(models.TextChoices):
    INTERVIEWER = "interviewer", _("enquêteur")
    SUPERVISOR = "supervisor", _("superviseur")
    ADMIN = "admin", _("administrateur")


class Membership(models.Model):
    """The one role of a person in a wave; without it the wave does not exist for her."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    wave = models.ForeignKey("cati.Wave", on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=12, choices=Role.choices)
    active = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "wave"], name="membership_one_role_per_wave"),
            models.CheckConstraint(
                condition=models.Q(role__in=Role.values), name="membership_role_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} · {self.get_role_display()} · {self.wave}"
