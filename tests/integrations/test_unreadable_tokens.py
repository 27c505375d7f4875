"""The intake where a token that we keep can't be decrypted: the other one counts, else the provider sends again."""

import asyncio

import pytest
from django.db import connection

from integrations.webhooks import Intake, Refused
from messagehub import encryption, tenancy
from tests.cast import create_tenant

pytestmark = pytest.mark.django_db(transaction=True)


def store_tokens(sid: str, token: str, other: str = "") -> None:
    with tenancy.system(), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE provider_accounts SET secret = %s, other_secret = %s, "
            "other_secret_until = now() + interval '1 day' WHERE external_id = %s",
            [token, other, sid],
        )


def test_account_with_one_readable_token_is_known_by_it_and_one_without_is_to_send_again():
    for number, slug in enumerate(("healthy", "half", "broken")):
        create_tenant(slug, f"+1555010010{number}")
    store_tokens("AChalf", "f1:nonsense", encryption.encrypt("present"))
    store_tokens("ACbroken", "f1:nonsense", "plain")

    async def ask() -> tuple:
        intake = Intake()
        await intake.startup()
        try:
            with pytest.raises(Refused) as refused:
                await intake.account("twilio", "ACbroken")
            half, healthy = [await intake.account("twilio", sid) for sid in ("AChalf", "AChealthy")]
            return refused.value.status, half.previous_secret, healthy.secret
        finally:
            await intake.shutdown()

    assert asyncio.run(ask()) == (503, "present", "secret")
