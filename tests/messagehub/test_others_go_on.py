"""Loops inside one organization, and over what waits in all of them, that one row could end or hold up."""

from datetime import timedelta

import pytest
from django.core.mail.backends.locmem import EmailBackend
from django.db import IntegrityError
from django.utils import timezone

from accounts import tasks
from accounts.models import User
from integrations.models import Channel
from messagehub import tenancy
from messaging.models import Attachment, Message
from messaging.receiving import attachments
from tests import factories
from tests.cast import create_tenant

pytestmark = pytest.mark.django_db


class Refusing(EmailBackend):
    """A server that takes no mail to addresses that begin with "refused"."""

    def send_messages(self, messages) -> int:
        if any(address.startswith("refused") for message in messages for address in message.to):
            raise ConnectionError("550")
        return super().send_messages(messages)


@pytest.fixture
def acme(db, settings) -> dict:
    settings.EMAIL_BACKEND = "tests.messagehub.test_others_go_on.Refusing"
    return create_tenant("acme", "+15550100100")


def mail(acme: dict) -> None:
    pk = str(acme["organization"].pk)
    tasks.mail_admins.func(pk, "integrations/mail/alert.txt", "/", {"message": "Look."})


def add_admins(acme: dict, *names: str) -> None:
    with tenancy.organization(acme["organization"].pk):
        for name in names:
            factories.UserFactory(organization=acme["organization"], email=f"{name}@acme.example", role="admin")


def test_address_that_is_refused_keeps_no_other_admin_from_the_mail(acme, mailoutbox):
    add_admins(acme, "refused", "ann")
    mail(acme)
    assert [message.to for message in mailoutbox] == [["ann@acme.example"]]


def test_mail_that_reached_nobody_is_tried_again(acme, mailoutbox):
    add_admins(acme, "refused", "refused.too")
    with pytest.raises(ConnectionError):
        mail(acme)
    assert User.objects.admins_of(acme["organization"].pk).count() == 2


def test_attachments_that_were_tried_often_keep_none_waiting(acme):
    with tenancy.system():
        message = Message.objects.get(pk=acme["message"].pk)
        shared = {"organization": acme["organization"], "message": message, "source_url": "https://api.twilio.com/x"}
        stuck = [Attachment(position=place, attempts=9, **shared) for place in range(200)]
        Attachment.objects.bulk_create(stuck)
        fresh = Attachment.objects.create(position=200, **shared)
        Attachment.objects.update(created_at=timezone.now() - timedelta(days=1))
    assert fresh.pk in attachments.list_forgotten()


@pytest.mark.parametrize("rate", [0, 1001])
def test_database_refuses_a_rate_at_which_nothing_or_too_much_is_sent(acme, rate):
    with pytest.raises(IntegrityError), tenancy.organization(acme["organization"].pk):
        Channel.objects.update(segments_per_second=rate)
