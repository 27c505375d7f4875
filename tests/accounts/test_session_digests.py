"""A session's key is in the browser alone: what the database holds of it signs nobody in."""

import pytest
from asgiref.sync import async_to_sync
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client

from accounts.models import SignIn
from messagehub import tenancy
from messagehub.session_store import SessionStore, digest_session_key

pytestmark = pytest.mark.django_db


def test_no_table_holds_a_session_key(signed_in, bo):
    key = signed_in(bo).cookies["sessionid"].value

    with tenancy.system(), connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT count(*) FROM "{table}" AS t WHERE t::text LIKE %s', [f"%{key}%"])
            assert cursor.fetchone() == (0,), table


def test_what_is_stored_signs_nobody_in(signed_in, bo):
    client = signed_in(bo)
    stored = Session.objects.get()
    assert stored.pk == SignIn.objects.get().session_digest == digest_session_key(client.cookies["sessionid"].value)
    thief = Client()
    thief.cookies["sessionid"] = stored.pk

    assert thief.get("/inbox/").status_code == 302
    assert client.get("/inbox/").status_code == 200


def test_signing_out_ends_the_stored_session(signed_in, bo):
    client = signed_in(bo)
    client.post("/logout/")
    assert not Session.objects.exists()
    assert not SignIn.objects.exists()


def test_the_asynchronous_half_keeps_digests_too():
    async_to_sync(keep_and_forget)()


async def keep_and_forget():
    session = SessionStore()
    await session.aset("note", "kept")
    await session.asave()
    key = session.session_key

    assert await SessionStore().aexists(key)
    assert not await SessionStore().aexists(digest_session_key(key))
    assert await SessionStore(key).aget("note") == "kept"
    assert [row.pk async for row in Session.objects.all()] == [digest_session_key(key)]
    await SessionStore().adelete(key)
    assert await SessionStore(key).aget("note") is None
