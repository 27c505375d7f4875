"""How long a Twilio token that was replaced still signs webhooks."""

import asyncio
from collections.abc import Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from django.conf import settings
from django.utils import timezone
from twilio.request_validator import RequestValidator

from accounts.models import AuditEntry
from integrations import numbers
from integrations.models import TwilioAccount
from integrations.webhooks import Intake
from messaging import retention

pytestmark = pytest.mark.django_db(transaction=True)
PATH = "/api/webhooks/twilio/messages"
NEW = "f" * 32


@pytest.fixture
def account(sales) -> TwilioAccount:
    return sales.number.account


@pytest.fixture
def replace(acme, account, inside) -> Callable[[], str]:
    """Replace the account's token with NEW; returns the one before."""

    def replace_token() -> str:
        with inside(acme):
            before = TwilioAccount.objects.get(pk=account.pk).secret
            numbers.connect_account(acme.organization, account.external_id, NEW, accepted=True)
        return before

    return replace_token


@asynccontextmanager
async def running_intake():
    intake = Intake()
    await intake.startup()
    try:
        yield intake
    finally:
        await intake.shutdown()


async def post(intake: Intake, number, token: str) -> int:
    fields = {
        "MessageSid": f"SM{uuid4().hex}",
        "AccountSid": number.account.external_id,
        "From": "+15550100001",
        "To": number.address,
        "Body": "Hello",
    }
    signature = RequestValidator(token).compute_signature(settings.PUBLIC_BASE_URL + PATH, fields)
    answers: list[dict] = []

    async def receive() -> dict:
        return {"type": "http.request", "body": urlencode(fields).encode()}

    async def send(message: dict) -> None:
        answers.append(message)

    headers = [(b"x-twilio-signature", signature.encode())]
    await intake({"path": PATH, "method": "POST", "headers": headers, "query_string": b""}, receive, send)
    return answers[0]["status"]


def statuses(number, *tokens: str) -> list[int]:
    async def post_each() -> list[int]:
        async with running_intake() as intake:
            return [await post(intake, number, token) for token in tokens]

    return asyncio.run(post_each())


def age_replacement(account: TwilioAccount, acme, inside, **age) -> None:
    with inside(acme):
        until = TwilioAccount.objects.get(pk=account.pk).other_secret_until
        TwilioAccount.objects.update(other_secret_until=until - timedelta(**age))


def test_replaced_token_signs_for_a_day(replace, sales, account, acme, inside):
    before = replace()
    assert statuses(sales.number, NEW, before) == [200, 200]

    age_replacement(account, acme, inside, hours=23, minutes=59)
    assert statuses(sales.number, NEW, before) == [200, 200]
    age_replacement(account, acme, inside, minutes=2)
    assert statuses(sales.number, NEW, before) == [200, 403]


def test_revoked_token_is_refused_at_once_by_a_running_intake(replace, sales, acme, account, ann, inside):
    before = replace()

    async def revoke_between() -> list[int]:
        async with running_intake() as intake:
            first = await post(intake, sales.number, before)
            await asyncio.to_thread(revoke)
            return [first, await post(intake, sales.number, before), await post(intake, sales.number, NEW)]

    def revoke() -> None:
        from django.db import connection

        with inside(acme):
            numbers.revoke_previous_token(account, by=ann)
        connection.close()

    assert asyncio.run(revoke_between()) == [200, 403, 200]
    with inside(acme):
        assert TwilioAccount.objects.get(pk=account.pk).other_secret == ""
        entry = AuditEntry.objects.get(action="account.revoke_token")
        assert (entry.actor_id, entry.target_id) == (ann.pk, str(account.pk))


def test_admin_revokes_the_previous_token_through_the_api(replace, api, ann, bo, sales):
    before = replace()
    place = f"/api/sender-numbers/{sales.number.pk}"
    assert api(bo).patch(place, {"revoke_previous_token": True}).status_code == 403

    answer = api(ann).patch(place, {"revoke_previous_token": True})

    assert answer.status_code == 200
    assert "revoke_previous_token" not in answer.json()
    assert statuses(sales.number, before, NEW) == [403, 200]


def test_admin_revokes_the_previous_token_in_the_back_office(replace, browser, ann, sales, account):
    before, client = replace(), browser()
    client.force_login(ann)
    chosen = {"action": "revoke_previous_token", "_selected_action": [str(account.pk)]}

    page = client.post("/admin/integrations/twilioaccount/", chosen, follow=True).content.decode()

    assert f"{account.external_id}: webhooks signed with the previous token are refused from now on." in page
    assert NEW not in page
    assert statuses(sales.number, before, NEW) == [403, 200]


def test_retention_deletes_a_replaced_token_after_its_day(replace, account, acme, inside):
    replace()
    retention.delete_expired()
    with inside(acme):
        assert TwilioAccount.objects.get(pk=account.pk).other_secret
    age_replacement(account, acme, inside, days=1)

    retention.delete_expired()

    with inside(acme):
        kept = TwilioAccount.objects.get(pk=account.pk)
        assert (kept.other_secret, kept.other_secret_until, kept.secret) == ("", None, NEW)


def test_replacement_says_until_when_the_previous_token_signs(replace, account, acme, inside):
    replace()

    with inside(acme):
        until = TwilioAccount.objects.get(pk=account.pk).other_secret_until
    assert timedelta(hours=23) < until - timezone.now() <= timedelta(days=1)
