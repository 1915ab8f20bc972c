"""Forms of sign-in and of staff accounts."""

from typing import Any

from django import forms
from django.contrib.auth.forms import UserCreationForm
from django.contrib.auth.models import User

from backend.staff.values import Role

ROLES = [
    (Role.SUPPORT.value, "Support: reads"),
    (Role.OPERATOR.value, "Operator: reads, asks again for jobs that were set aside, and stops rollouts"),
    (Role.ADMIN.value, "Admin: all of that, and manages accounts"),
]


class CodeForm(forms.Form):
    """One code."""

    code = forms.CharField(
        label="Code",
        max_length=40,
        widget=forms.TextInput(
            attrs={
                "autocomplete": "one-time-code",
                "autofocus": True,
                "autocapitalize": "none",
                "spellcheck": "false",
            }
        ),
    )


class NewAccountForm(UserCreationForm):  # type: ignore[type-arg]
    """A name, a first password, and what the account may do."""

    role = forms.ChoiceField(choices=ROLES, initial=Role.SUPPORT.value)

    class Meta:
        model = User
        fields = ("username",)


class AccountForm(forms.ModelForm):  # type: ignore[type-arg]
    """What an account may do, and whether it may come in at all."""

    role = forms.ChoiceField(choices=ROLES)

    class Meta:
        model = User
        fields = ("is_active",)
        labels = {"is_active": "Open"}
        help_texts = {"is_active": "A closed account can't sign in; its acts stay."}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        from backend.staff.services import role_of

        self.fields["role"].initial = role_of(self.instance) or Role.ADMIN.value
