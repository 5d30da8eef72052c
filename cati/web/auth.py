"""Login, logout, and the way home: each person to the screen of her role."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm, UsernameField
from django.contrib.auth.views import LoginView, LogoutView
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render, resolve_url
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from cati import clock, queries
from cati.models import Membership, Role
from cati.operations import tries
from cati.operations.hours import hours_told
from cati.web.access import open_to
from cati.web.health import cache_state

HOMES = {
    Role.INTERVIEWER: "interviewer-home",
    Role.SUPERVISOR: "board",
    Role.ADMIN: "wave-home",
}


class LoginForm(AuthenticationForm):
    """Name and password; the refusal is one sentence, whichever of the two is wrong."""

    left: int | None = None

    username = UsernameField(
        label=gettext_lazy("Identifiant"),
        widget=forms.TextInput(
            attrs={"class": "input", "autocapitalize": "none", "autocomplete": "username"}
        ),
    )
    password = forms.CharField(
        label=gettext_lazy("Mot de passe"),
        strip=False,
        widget=forms.PasswordInput(attrs={"class": "input", "autocomplete": "current-password"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # After a refusal the name stays, and the focus waits where the mistake most often is.
        focus = "password" if self.data.get("username") else "username"
        self.fields[focus].widget.attrs["autofocus"] = True

    def clean(self) -> dict[str, Any]:
        name = self.cleaned_data.get("username")
        if not name or not self.cleaned_data.get("password"):
            return self.cleaned_data
        address = self.request.META.get("REMOTE_ADDR", "") if self.request else ""
        try:
            self.left = tries.take(name, address)
        except tries.TooManyTries as error:
            raise ValidationError(self.wait(), code="wait") from error
        cleaned = super().clean()
        tries.forget(name, address)
        return cleaned

    def get_invalid_login_error(self) -> ValidationError:
        why = _("L’identifiant ou le mot de passe ne correspond pas.")
        if self.left == 0:
            return ValidationError(f"{why} {self.wait()}", code="wait")
        mend = _("Vérifiez la touche Maj, puis recommencez.")
        if self.left is not None:
            mend = ngettext(
                "Vérifiez la touche Maj, puis recommencez ; il reste %(left)s essai.",
                "Vérifiez la touche Maj, puis recommencez ; il reste %(left)s essais.",
                self.left,
            ) % {"left": self.left}
        return ValidationError(f"{why} {mend}", code="invalid_login")

    def wait(self) -> str:
        return _("Cinq essais sont passés. Attendez %(minutes)s minutes, puis recommencez.") % {
            "minutes": tries.WAIT_SECONDS // 60
        }


class Login(LoginView):
    """The first page: two fields, and what somebody wants to know before she sits down."""

    template_name = "cati/login.html"
    authentication_form = LoginForm
    redirect_authenticated_user = True

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        now = clock.now()
        wave = queries.latest_open_wave()
        return super().get_context_data(
            open_wave=wave,
            hours=hours_told(wave.calling_hours, now) if wave else "",
            cache_down=cache_state() != "ok",
            **kwargs,
        )


login = open_to("anyone")(Login.as_view())
logout = open_to("anyone")(LogoutView.as_view())


def home_of(membership: Membership) -> str:
    """The address of her first screen in the wave."""
    return resolve_url(HOMES[Role(membership.role)], wave=membership.wave.slug)


@open_to("members")
def home(request: HttpRequest) -> HttpResponse | HttpResponseRedirect:
    """Straight to her screen where she has one wave; a list where she has several."""
    memberships = list(queries.current_memberships(request.user))
    if len(memberships) == 1:
        return redirect(home_of(memberships[0]))
    waves = [(membership, home_of(membership)) for membership in memberships]
    return render(request, "cati/home.html", {"waves": waves})
