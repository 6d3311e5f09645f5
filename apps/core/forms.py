"""Forms of the sign-in pages."""

from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth.forms import AuthenticationForm, UsernameField
from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import ValidationError

#: As in the table of users. Django only tells browsers; a longer name would reach the table of failed tries.
LONGEST_NAME = 150


def _name() -> UsernameField:
    return UsernameField(max_length=LONGEST_NAME)


def _refuse_service(user: AbstractBaseUser) -> None:
    """A service account has no password; should one be given to it, it still signs in to no page."""
    if getattr(user, "service", None) is not None:
        raise ValidationError("This is a service account: it uses the API with a token.", code="service")


class SignInForm(AuthenticationForm):
    """User and password; a name that no user can have is refused before anything is asked."""

    username = _name()

    def confirm_login_allowed(self, user: AbstractBaseUser) -> None:
        super().confirm_login_allowed(user)
        _refuse_service(user)


class AdminSignInForm(AdminAuthenticationForm):
    """The same for the admin's own sign-in page."""

    username = _name()

    def confirm_login_allowed(self, user: AbstractBaseUser) -> None:
        super().confirm_login_allowed(user)
        _refuse_service(user)
