"""Mail, written by the worker: so an answer takes as long whether or not there is somebody to write to."""

import logging

from django.conf import settings
from django.contrib.auth.tokens import default_token_generator
from django.core.mail import send_mail
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from django.utils.translation import gettext as _
from procrastinate import RetryStrategy
from procrastinate.contrib.django import app

from accounts import invitations
from accounts.models import Organization, User
from messagehub import languages, tenancy

log = logging.getLogger(__name__)
AGAIN = RetryStrategy(max_attempts=6, exponential_wait=4)


@app.task(retry=AGAIN)
def mail_invitation(user_id: str, invited_by: str) -> None:
    """Invite somebody; who has an account elsewhere is told that it can't be joined to a second organization.

    `invited_by` is empty where the command line invited them.
    """
    user = User.objects.filter(pk=user_id, joined_at=None, is_active=True).first()
    by = User.objects.filter(pk=invited_by).first() if invited_by else None
    if user is None or (invited_by and by is None):
        return
    with tenancy.organization(user.organization_id):
        organization = str(user.organization)
    link = settings.PUBLIC_BASE_URL + reverse("invitation", args=[invitations.make_link_part(user)])
    taken = _signs_in_with(user.email) is not None
    with languages.speak_to(user, otherwise=languages.language_of(by)):  # who is only invited has chosen none
        context = {
            "name": user.name,
            "by": by.name if by else _("Your MessageHub operator"),
            "organization": organization,
            "link": link,
        }
        _send(user.email, "accounts/mail/address_taken.txt" if taken else "accounts/mail/invitation.txt", context)


@app.task(retry=AGAIN)
def mail_password_reset(email: str, language: str = "") -> None:
    """Mail a link to set a new password; nothing to an address that nobody signs in with.

    `language` is that of the page on which they asked for it.
    """
    user = _signs_in_with(email)
    if user is None or not user.is_active:
        return
    uid = urlsafe_base64_encode(force_bytes(user.pk))
    path = reverse("password-new", args=[uid, default_token_generator.make_token(user)])
    context = {"name": user.name, "link": settings.PUBLIC_BASE_URL + path}
    with languages.speak_to(user, otherwise=language):
        _send(user.email, "accounts/mail/password_reset.txt", context)


@app.task(retry=AGAIN)
def mail_second_factor_reset(user_id: str, reset_by: str) -> None:
    """Tell somebody that an admin removed their second factor."""
    user = User.objects.filter(pk=user_id, joined_at__isnull=False).first()
    if user:
        context = {"name": user.name, "by": reset_by, "link": settings.PUBLIC_BASE_URL + reverse("me")}
        with languages.speak_to(user):
            _send(user.email, "accounts/mail/second_factor_reset.txt", context)


@app.task(retry=AGAIN)
def mail_admins(organization_id: str, template: str, path: str, context: dict) -> None:
    """Mail everybody who administers the organization; `path` is where they can do something about it.

    An address that is refused keeps the others from nothing; tried again is only what reached nobody.
    """
    with tenancy.organization(organization_id):
        organization = str(Organization.objects.get(pk=organization_id))
    shared = {**context, "organization": organization, "link": settings.PUBLIC_BASE_URL + path}
    refused: list[OSError] = []
    admins = list(User.objects.admins_of(organization_id))
    for admin in admins:
        try:
            with languages.speak_to(admin):
                _send(admin.email, template, {**shared, "name": admin.name})
        except OSError as error:  # SMTPException is one
            log.warning("Admin %s can't be mailed: %s", admin.pk, type(error).__name__)
            refused.append(error)
    if refused and len(refused) == len(admins):
        raise refused[0]


def _signs_in_with(email: str) -> User | None:
    try:
        return User.objects.get_by_natural_key(email)
    except User.DoesNotExist:
        return None


def _send(to: str, template: str, context: dict) -> None:
    """The first line of a mail's template is its subject."""
    subject, _, body = render_to_string(template, context).partition("\n")
    send_mail(subject.strip(), body.strip() + "\n", None, [to])
