"""/manage/settings/: the organization's rules, its people's API keys, and the audit log. For admins."""

import csv
import io
import re
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import audit, keys, team
from accounts.models import KEYWORD_LANGUAGES, ApiKey, AuditEntry, Organization

pytestmark = pytest.mark.django_db
FURTHER = [code for code, _ in KEYWORD_LANGUAGES if code != "en"]
PAGE, KEYS, AUDIT = "/manage/settings/", "/manage/settings/keys/", "/manage/settings/audit/"


def text(answer) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


@pytest.fixture
def filled(acme) -> dict:
    """The form as the page shows it."""
    return {
        "name": "Acme", "default_country": "US", "time_zone": "UTC", "quiet_from": "", "quiet_until": "",
        "keyword_languages": FURTHER, "price_sms": 1, "price_messenger": 1, "price_instagram": 1,
        "refund_policy": "not_sent", "low_balance_limit": 10,
    }  # fmt: skip


@pytest.mark.parametrize("path", [PAGE, KEYS, AUDIT, f"{AUDIT}export/"])
def test_agents_and_strangers_get_nothing(browser, bo, olga, path):
    assert browser(bo).get(path).status_code == 403
    assert browser().get(path).status_code == 302
    assert browser(olga).get(path).status_code in (302, 403)


# ---------------------------------------------------------------- the organization
def test_settings_are_saved_and_written_down(browser, ann, acme, filled, inside):
    change = {
        "name": "Acme Ltd", "default_country": "DE", "time_zone": "Europe/Berlin", "quiet_from": "21:00",
        "quiet_until": "08:00", "keyword_languages": ["es"], "price_sms": 2, "refund_policy": "undelivered",
    }  # fmt: skip
    assert "The settings are saved" in text(browser(ann).post(PAGE, filled | change, follow=True))
    with inside(acme):
        saved = Organization.objects.get(pk=ann.organization_id)
        entry = AuditEntry.objects.get(action="organization.change")
    assert (saved.name, saved.default_country, saved.time_zone) == ("Acme Ltd", "DE", "Europe/Berlin")
    assert (f"{saved.quiet_from:%H:%M}", f"{saved.quiet_until:%H:%M}") == ("21:00", "08:00")
    assert (saved.keyword_languages, saved.price_sms, saved.refund_policy) == (["en", "es"], 2, "undelivered")
    assert set(entry.after) == set(change)
    assert 'value="21:00"' in browser(ann).get(PAGE).content.decode()


def test_answers_by_themselves_are_chosen_on_the_page(browser, ann, acme, filled, inside):
    wanted = {"join_keywords": "JOIN!, join, Rabatt", "join_question": "Reply YES.", "help_text": "Call us."}
    assert browser(ann).post(PAGE, filled | wanted | {"help_on_long_codes": "on"}).status_code == 302
    with inside(acme):
        saved = Organization.objects.get(pk=ann.organization_id)
    assert (saved.join_keywords, saved.join_question) == (["join", "rabatt"], "Reply YES.")
    assert (saved.help_text, saved.help_on_long_codes) == ("Call us.", True)
    assert 'value="join,rabatt"' in browser(ann).get(PAGE).content.decode()
    refused = browser(ann).post(PAGE, filled | wanted | {"join_keywords": "a,b,c,d,e,f"})
    assert "Up to 5 keywords" in text(refused)


def test_saving_what_is_so_writes_nothing_down(browser, ann, acme, filled, inside):
    assert browser(ann).post(PAGE, filled).status_code == 302
    with inside(acme):
        assert not AuditEntry.objects.exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": ""}, "required"),
        ({"time_zone": "Mars/Base"}, "valid choice"),
        ({"quiet_from": "21:00"}, "Set both from and until"),
        ({"quiet_from": "21:00", "quiet_until": "21:00"}, "differs from the start"),
        ({"price_sms": -1}, "greater than or equal to 0"),
        ({"require_mfa_for_admins": "on"}, "Set up your own two-factor authentication first"),
    ],
)
def test_refused_settings_keep_what_was_typed(browser, ann, acme, filled, inside, change, words):
    answer = browser(ann).post(PAGE, filled | {"low_balance_limit": 77} | change)
    assert answer.status_code == 422
    assert words in text(answer)
    assert "Nothing is saved yet" in text(answer)
    assert 'value="77"' in answer.content.decode()
    with inside(acme):
        assert Organization.objects.get(pk=ann.organization_id).low_balance_limit == 10


# ---------------------------------------------------------------- API keys
def test_keys_of_everybody_are_listed_and_revoked_after_a_question(browser, bearer, ann, bo, zed, acme, inside):
    key, secret = keys.create_key(bo, "Report", ["read"])
    foreign, _ = keys.create_key(zed, "Elsewhere", ["read"])
    client = browser(ann)
    shown = client.get(KEYS)
    assert f"Report {key.prefix}… Bo read" in text(shown)
    assert "Elsewhere" not in text(shown)
    assert secret not in shown.content.decode()

    asked = client.post(f"{KEYS}{key.pk}/revoke/")
    assert "This can't be undone" in text(asked)
    assert bearer(secret).get("/api/auth/me").status_code == 200
    assert "Report no longer works" in text(client.post(f"{KEYS}{key.pk}/revoke/", {"sure": 1}, follow=True))
    assert bearer(secret).get("/api/auth/me").status_code == 401
    assert client.post(f"{KEYS}{foreign.pk}/revoke/", {"sure": 1}).status_code == 404
    assert browser(bo).post(f"{KEYS}{foreign.pk}/revoke/").status_code == 403
    assert "No API key yet" in text(client.get(KEYS))
    with inside(acme):
        assert AuditEntry.objects.filter(action="key.delete", actor=ann).count() == 1


def test_keys_are_leafed_through_with_as_many_queries(browser, ann, bo):
    def ask(query: str = "") -> tuple[str, int]:
        with CaptureQueriesContext(connection) as captured:
            answer = browser(ann).get(KEYS + query)
        return answer.content.decode(), len(captured)

    keys.create_key(bo, "First", ["read"])
    before = ask()[1]
    for number in range(55):
        keys.create_key(bo, f"Key {number:02}", ["read"])
    first, queries = ask()
    assert queries == before
    second = ask("?after=" + re.search(r'\?after=([0-9a-f-]{36})">Older', first)[1])[0]
    assert len(set(re.findall(r"/keys/([0-9a-f-]{36})/revoke", first + second))) == 56
    assert ApiKey.objects.count() == 56


# ---------------------------------------------------------------- the audit log
@pytest.fixture
def history(acme, ann, bo, inside) -> None:
    with inside(acme):
        team.change_user(bo, by=ann, name="Bo Lind")
        audit.record_action("page.fail", actor=None, after={"code": "190"})
        audit.record_action("page.fail", actor=None, target=acme.organization, after={"code": "190"})
        audit.record_action("label.delete", actor=bo, before={"name": '=HYPERLINK("x")', "conversation_ids": [1] * 9})


def test_log_says_who_did_what_to_whom(browser, ann, zed, history, globex, inside):
    with inside(globex):
        audit.record_action("user.change", actor=zed, target=zed, after={"name": "Secret"})
    shown = text(browser(ann).get(AUDIT))
    assert "Ann Changed a user: Bo Lind name Bo Bo Lind" in shown
    assert "MessageHub Found trouble with a page code 190" in shown
    assert "Bo Lind Deleted a label name =HYPERLINK" in shown
    assert "conversation ids 9 entries" in shown
    assert "Secret" not in shown


@pytest.mark.parametrize(
    ("query", "actions"),
    [
        ("subject=user", ["user.change"]),
        ("person=ann", ["user.change"]),
        ("person=nobody", []),
        ("subject=label&person=bo", ["label.delete"]),
        ("from_day=2026-01-01&to_day=2026-01-31", ["user.change"]),
        ("to_day=2025-12-31", []),
    ],
)
def test_log_and_its_file_are_filtered_alike(browser, ann, acme, history, inside, query, actions):
    old = audit.least_id_at(datetime(2026, 1, 15, tzinfo=UTC))
    with inside(acme):
        entry = AuditEntry.objects.get(action="user.change")
        if "day" in query:
            AuditEntry.objects.create(
                pk=old, organization=acme.organization, actor=ann, action="user.change", after=entry.after
            )
    shown = text(browser(ann).get(f"{AUDIT}?{query}"))
    assert ("Nothing matches these filters" in shown) is (not actions)
    assert "Clear filters" in shown
    answer = browser(ann).get(f"{AUDIT}export/?{query}")
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode("utf-8-sig"))))
    assert [row["action"] for row in rows] == actions


def test_file_has_everything_and_no_formula(browser, ann, acme, history, inside):
    with inside(acme):
        audit.record_action("sign_in.start", actor=ann, after={"a": 1})
    answer = browser(ann).get(f"{AUDIT}export/")
    rows = list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode("utf-8-sig"))))
    assert [row["action"] for row in rows] == ["sign_in.start", "label.delete", "page.fail", "user.change"]
    assert rows[0]["email"] == "ann@acme.example"
    assert rows[1]["before"].startswith('{"name": "=HYPERLINK')  # JSON begins with a brace, so nothing is calculated
    with inside(acme):
        assert AuditEntry.objects.get(action="audit.export").after == {"entries": 4}


def test_cells_that_would_be_calculated_are_text(browser, ann, acme, inside):
    with inside(acme):
        ann.name = "=1+1"
        ann.save(update_fields=["name"])
        audit.record_action("sign_in.start", actor=ann)
    answer = browser(ann).get(f"{AUDIT}export/")
    assert "'=1+1" in b"".join(answer.streaming_content).decode()


@pytest.mark.parametrize("query", ["subject=gravity", "from_day=soon", "after=x"])
def test_unknown_filter_is_refused(browser, ann, query):
    assert browser(ann).get(f"{AUDIT}?{query}").status_code == 400


def test_log_is_leafed_through_with_as_many_queries(browser, ann, bo, history, acme, inside):
    def ask(query: str = "") -> tuple[str, int]:
        with CaptureQueriesContext(connection) as captured:
            answer = browser(ann).get(AUDIT + query)
        return answer.content.decode(), len(captured)

    before = ask()[1]
    with inside(acme):
        for number in range(60):
            audit.record_action("chatroom.assign", actor=ann, target=bo, after={"chatroom": f"Room {number:02}"})
    first, queries = ask()
    assert queries == before
    second = ask("?after=" + re.search(r'\?after=([0-9a-f-]{36})">Older', first)[1])[0]
    assert sorted(re.findall(r"Room \d\d", first + second)) == [f"Room {number:02}" for number in range(60)]


def test_ids_are_ordered_as_the_moments_are():
    now = timezone.now()
    entry_id = AuditEntry().pk
    assert audit.least_id_at(now - timedelta(seconds=5)) < entry_id < audit.least_id_at(now + timedelta(seconds=5))
