"""The intake, from outside: what is verified, what is stored, and what is answered."""

import base64
import hashlib
import hmac
import json
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote_from_bytes, urlencode
from uuid import uuid4

import pytest
import requests
from twilio.request_validator import RequestValidator

from tests.running_demo import Demo, eventually, phones

PATH = "/api/webhooks/twilio/messages"


def form(demo: Demo, phone: str, **fields) -> dict[str, str]:
    return {
        "MessageSid": f"SM{uuid4().hex}",
        "AccountSid": demo.details["twilio"]["account_sid"],
        "From": phone,
        "To": demo.number,
        "Body": "Hello",
        "NumMedia": "0",
        "NumSegments": "1",
        **fields,
    }


def sign(demo: Demo, fields: dict, path: str = PATH, token: str | None = None) -> str:
    validator = RequestValidator(token or demo.details["twilio"]["auth_token"])
    return validator.compute_signature(demo.base_url + path, fields)


def post(demo: Demo, fields: dict, signature: str | None = None, path: str = PATH, **headers) -> requests.Response:
    signature = sign(demo, fields, path) if signature is None else signature
    return requests.post(
        demo.base_url + path, data=fields, headers={"X-Twilio-Signature": signature, **headers}, timeout=20
    )


def webhooks(demo: Demo, key: str) -> list[dict]:
    """What is stored under this dedupe key, as an operator would see it."""
    code = (
        "import json; from messagehub import tenancy; from integrations.models import WebhookEvent\n"
        "with tenancy.system():\n"
        f"    found = WebhookEvent.objects.filter(dedupe_key__contains={key!r})\n"
        "    print(json.dumps([{'state': e.state, 'quarantined': e.quarantined, 'error': e.error} for e in found]))"
    )
    return json.loads(demo.shell.run(code))


def thread(client, phone: str) -> list[dict]:
    conversation = eventually(lambda: client.conversation_with(phone))
    return client.read(f"/api/conversations/{conversation['id']}/messages")["results"]


def test_the_same_webhook_five_times_at_once_is_one_message(demo: Demo):
    maya, phone = demo.client("maya"), next(phones)
    fields = form(demo, phone, Body="Only once")

    with ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(lambda _: post(demo, fields), range(5)))

    assert [answer.status_code for answer in answers] == [200] * 5
    assert answers[0].headers["Content-Type"].startswith("text/xml")
    eventually(lambda: maya.conversation_with(phone))
    later = form(demo, phone, Body="Another")
    post(demo, later)
    eventually(lambda: len(thread(maya, phone)) == 2)
    assert [message["content"] for message in thread(maya, phone)] == ["Another", "Only once"]
    assert maya.conversation_with(phone)["unread_count"] == 2


@pytest.mark.parametrize(
    "spoil",
    [
        lambda demo, fields: "",
        lambda demo, fields: "AAAA",
        lambda demo, fields: sign(demo, fields)[:-4],
        lambda demo, fields: sign(demo, fields).upper(),
        lambda demo, fields: sign(demo, {**fields, "Body": "Other"}),
        lambda demo, fields: sign(demo, fields, token="0" * 32),
        lambda demo, fields: sign(demo, fields, path="/api/webhooks/twilio/status"),
        lambda demo, fields: "é".encode().decode("latin-1"),
    ],
    ids=["none", "short", "truncated", "upper case", "of another body", "by another token", "of another url", "odd"],
)
def test_a_wrong_signature_is_refused_and_nothing_is_stored(demo: Demo, spoil):
    fields = form(demo, next(phones))

    answer = post(demo, fields, spoil(demo, fields))

    assert answer.status_code == 403
    assert demo.details["twilio"]["auth_token"] not in answer.text
    assert sign(demo, fields) not in answer.text
    assert webhooks(demo, fields["MessageSid"]) == []


def test_the_signature_is_over_the_configured_address_not_over_headers(demo: Demo):
    fields = form(demo, next(phones))

    honest = post(demo, fields, Host="evil.example", **{"X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil"})
    lying = sign(demo, fields).replace(sign(demo, fields), RequestValidator(demo.details["twilio"]["auth_token"])
                                       .compute_signature(f"https://evil.example{PATH}", fields))  # fmt: skip

    assert honest.status_code == 200
    assert post(demo, form(demo, next(phones)), lying, Host="evil.example").status_code == 403


def test_another_accounts_token_can_not_write_to_our_number(demo: Demo):
    other = demo.details["twilio_others"][0]
    fields = form(demo, next(phones), AccountSid=other["account_sid"])

    answer = post(demo, fields, sign(demo, fields, token=other["auth_token"]))

    assert answer.status_code == 404
    assert webhooks(demo, fields["MessageSid"])[0]["quarantined"] == "nobody owns this number"


def test_another_account_can_not_use_up_our_message_id(demo: Demo):
    maya, phone, other = demo.client("maya"), next(phones), demo.details["twilio_others"][0]
    ours = form(demo, phone, Body="Not to be kept out")
    theirs = {**ours, "AccountSid": other["account_sid"], "To": other["numbers"][0]["phone"]}

    assert post(demo, theirs, sign(demo, theirs, token=other["auth_token"])).status_code == 200
    assert post(demo, ours).status_code == 200

    assert thread(maya, phone)[0]["content"] == "Not to be kept out"


def test_a_number_that_nobody_owns_is_answered_404_and_kept(demo: Demo):
    fields = form(demo, next(phones), To="+15550999999")

    answer = post(demo, fields)

    assert answer.status_code == 404
    assert webhooks(demo, fields["MessageSid"]) == [
        {"state": "quarantined", "quarantined": "nobody owns this number", "error": ""}
    ]


def test_a_channel_that_we_do_not_handle_is_kept_and_makes_no_contact(demo: Demo):
    phone = next(phones)
    fields = form(demo, f"whatsapp:{phone}", To=f"whatsapp:{demo.number}")

    assert post(demo, fields).status_code == 200
    assert eventually(lambda: webhooks(demo, fields["MessageSid"])[0]["state"] == "quarantined")
    assert demo.client("maya").conversation_with(phone) is None


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (b"a\0b", "ab"),
        (b"caf\xe9", "caf�"),
        (b"\xed\xa0\x80!", "���!"),
        (
            "\ufeff\u202e\u05e2 \U0001f469\u200d\U0001f467 \ufffe".encode(),
            "\ufeff\u202e\u05e2 \U0001f469\u200d\U0001f467 \ufffe",
        ),
        (b"", ""),
    ],
    ids=["NUL", "Latin-1", "lone surrogate", "marks and emoji", "empty"],
)
def test_odd_bytes_are_kept_as_far_as_text_can_hold_them(demo: Demo, sent: bytes, kept: str):
    maya, phone = demo.client("maya"), next(phones)
    fields = {name: value.encode() for name, value in form(demo, phone).items()} | {"Body": sent, "Odd%Name": b"x"}
    body = "&".join(f"{quote_from_bytes(n.encode())}={quote_from_bytes(value)}" for n, value in fields.items())
    signed = (demo.base_url + PATH).encode() + b"".join(n.encode() + fields[n] for n in sorted(fields))
    digest = hmac.new(demo.details["twilio"]["auth_token"].encode(), signed, hashlib.sha1).digest()

    answer = requests.post(
        demo.base_url + PATH,
        data=body,
        headers={
            "Content-Type": "application/x-www-form-urlencoded",
            "X-Twilio-Signature": base64.b64encode(digest).decode(),
        },
        timeout=20,
    )

    assert answer.status_code == 200
    assert thread(maya, phone)[0]["content"] == kept


def post_pairs(demo: Demo, fields: list[tuple[bytes, bytes]], path: str, token: str) -> requests.Response:
    """Exactly these names and bytes, twice the same one too, signed with this token as Twilio signs."""
    values: dict[bytes, set[bytes]] = {}
    for name, value in fields:
        values.setdefault(name, set()).add(value)
    signed = (demo.base_url + path).encode()
    signed += b"".join(name + value for name in sorted(values) for value in sorted(values[name]))
    signature = base64.b64encode(hmac.new(token.encode(), signed, hashlib.sha1).digest()).decode()
    body = "&".join(f"{quote_from_bytes(name)}={quote_from_bytes(value)}" for name, value in fields)
    headers = {"Content-Type": "application/x-www-form-urlencoded", "X-Twilio-Signature": signature}
    return requests.post(demo.base_url + path, data=body, headers=headers, timeout=20)


def test_an_accounts_token_can_not_report_on_anothers_message(demo: Demo):
    """Signed with one's own token, in every way of naming the two accounts that one of two readers could take wrong."""
    maya, phone, other = demo.client("maya"), next(phones), demo.details["twilio_others"][0]
    demo.text(phone, demo.number, "Hello")
    conversation = eventually(lambda: maya.conversation_with(phone))
    message = maya.reply(conversation, "Yours alone").json()["message"]
    eventually(lambda: maya.message(message["id"])["status"] == "delivered")
    (sid,) = [each["sid"] for each in demo.phone(phone) if each["body"] == "Yours alone"]
    balance = maya.balance
    mine, theirs = other["account_sid"].encode(), demo.details["twilio"]["account_sid"].encode()
    report = [(b"MessageSid", sid.encode()), (b"MessageStatus", b"undelivered"), (b"ErrorCode", b"30002")]
    names = [
        b"AccountSid", b"AccountSid\0", b"\0AccountSid", b"Account\0Sid", b"accountsid", b"AccountSid ", b" AccountSid",
        b"AccountSid[]", b"Account.Sid", b"Account_Sid", b"AccountSid\xff", b"\xef\xbb\xbfAccountSid", b"ACCOUNTSID",
        b"\nAccountSid",
    ]  # fmt: skip
    for name in names:
        for both in ([(name, theirs), (b"AccountSid", mine)], [(b"AccountSid", mine), (name, theirs)]):
            answer = post_pairs(demo, [*both, *report], "/api/webhooks/twilio/status", other["auth_token"])
            assert answer.status_code == 400, (name, answer.text)
    for name in (b"MessageSid", b"MessageSid\0", b"messageSid", b"SmsSid\0", b"MessageStatus", b"ErrorCode "):
        doubled = [(b"AccountSid", mine), *report, (name, b"SM0")]
        assert post_pairs(demo, doubled, "/api/webhooks/twilio/status", other["auth_token"]).status_code == 400
    for odd in (theirs + b"\0", b"\0" + theirs, b"", b"AC\xff", mine + b"\0" + theirs):
        answer = post_pairs(demo, [(b"AccountSid", odd), *report], "/api/webhooks/twilio/status", other["auth_token"])
        assert answer.status_code == 403

    assert webhooks(demo, f"{other['account_sid']}:{sid}") == []
    assert maya.message(message["id"])["status"] == "delivered"
    assert maya.balance == balance


def test_names_that_nobody_reads_may_come_twice_and_look_odd(demo: Demo):
    phone, twilio = next(phones), demo.details["twilio"]
    fields = [(name.encode(), value.encode()) for name, value in form(demo, phone).items()]
    fields += [(b"Odd", b"1"), (b"Odd", b"2"), (b"odd\0", b"3"), (b"caf\xe9", b"4"), (b"MediaUrl99", b"x"), (b"", b"x")]

    assert post_pairs(demo, fields, PATH, twilio["auth_token"]).status_code == 200
    assert eventually(lambda: demo.client("maya").conversation_with(phone))


@pytest.mark.parametrize("sender", ["24453", "SUPPORT"])
def test_short_codes_and_names_may_write(demo: Demo, sender: str):
    maya, sender = demo.client("maya"), sender + str(uuid4().int % 100)
    assert post(demo, form(demo, sender, Body="Your code is 5512")).status_code == 200
    assert thread(maya, sender)[0]["content"] == "Your code is 5512"


def test_an_empty_body_with_media_is_a_message_with_attachments(demo: Demo):
    maya, phone = demo.client("maya"), next(phones)
    media = {
        "NumMedia": "2",
        "MediaUrl0": "https://api.twilio.com/media/ME1",
        "MediaContentType0": "image/jpeg",
        "MediaUrl1": "javascript:alert(1)",
        "MediaContentType1": "text/html",
    }

    assert post(demo, form(demo, phone, Body="", **media)).status_code == 200

    attachments = thread(maya, phone)[0]["attachments"]
    (attachment,) = attachments
    assert (attachment["kind"], attachment["content_type"]) == ("image", "image/jpeg")
    assert attachment["url"] == f"{demo.base_url}/attachments/{attachment['id']}/"  # our own copy, once it is fetched


def test_unknown_parameters_and_repeated_ones_do_not_matter(demo: Demo):
    phone = next(phones)
    fields = form(demo, phone, Brandnew="yes", Empty="")
    assert post(demo, fields).status_code == 200
    assert eventually(lambda: demo.client("maya").conversation_with(phone))


def test_bodies_that_are_too_large_and_odd_requests_are_refused(demo: Demo):
    url = demo.base_url + PATH
    assert requests.post(url, data=b"x" * (256 * 1024 + 1), timeout=20).status_code == 413
    assert requests.post(url, data=iter([b"x" * 200_000, b"y" * 200_000]), timeout=20).status_code == 413
    assert requests.post(url, data="&".join(f"f{n}=1" for n in range(1500)), timeout=20).status_code == 400
    assert requests.post(url, data=b"", timeout=20).status_code == 403
    assert requests.post(url, data=urlencode({"AccountSid": "AC1' OR 1=1"}), timeout=20).status_code == 403
    gotten = requests.get(url, timeout=20)
    assert (gotten.status_code, gotten.headers["Allow"]) == (405, "POST")
    assert requests.post(f"{demo.base_url}/api/webhooks/nobody", timeout=20).status_code == 404
