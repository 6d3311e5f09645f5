"""Forms: a new whisperer, and its name and team later."""

from typing import Any

from django import forms
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db.models import Q

from apps.whisperers.models import Team, Whisperer, policy_validator
from apps.whisperers.rights import is_staff

MODES = {
    "INTERFACE": "Live traffic: an agent on each host captures what passes its network interfaces.",
    "FILE": "A capture file on a host: an agent there reads it once, as if it were live.",
    "UPLOAD": "Capture files that people send from their browser. No agent is needed.",
}


class _TeamForm(forms.Form):
    name = forms.CharField(
        max_length=100,
        strip=True,
        error_messages={"required": "The name is empty: give it one that people find it by, such as shop-prod-1."},
    )
    team = forms.ModelChoiceField(Team.objects.none(), required=False, empty_label="No team")

    def __init__(self, *args: Any, user: AbstractBaseUser | AnonymousUser, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        teams = Team.objects.all() if is_staff(user) else Team.objects.filter(members=user.pk)
        self.fields["team"].queryset = teams
        for name, field in self.fields.items():
            if name != "mode":
                field.widget.attrs |= {"class": "input", "autocomplete": "off"}


class CreateForm(_TeamForm):
    """What a whisperer begins with."""

    mode = forms.ChoiceField(choices=Whisperer.Mode.choices, initial="INTERFACE")
    policy = forms.CharField(
        max_length=31,
        required=False,
        validators=[policy_validator],
        widget=forms.TextInput({"list": "known-policy", "placeholder": "as inherited"}),
    )

    def clean_name(self) -> str:
        """A name is taken once."""
        return _free(self.cleaned_data["name"], None)


class EditForm(_TeamForm):
    """What may be changed of it afterwards."""

    def __init__(self, *args: Any, whisperer: Whisperer, **kwargs: Any) -> None:
        self.whisperer = whisperer
        super().__init__(*args, **kwargs)
        # Its own team stays to be chosen, whoever edits it.
        field: Any = self.fields["team"]
        field.queryset = Team.objects.filter(Q(pk__in=field.queryset) | Q(pk=whisperer.team_id))

    def clean_name(self) -> str:
        """A name is taken once."""
        return _free(self.cleaned_data["name"], self.whisperer)


def _free(name: str, own: Whisperer | None) -> str:
    others = Whisperer.objects.exclude(pk=own.pk) if own is not None else Whisperer.objects.all()
    if others.filter(name=name).exists():
        raise forms.ValidationError(f"{name} is taken: every whisperer has a name of its own. Choose another.")
    return name
