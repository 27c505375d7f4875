"""/manage/tokens/: for admins, about their own organization, once per form."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from uuid_utils.compat import uuid7

from accounts.models import Organization
from messagehub import tenancy
from messaging.models import Conversation
from tests import factories
from tokens import ledger, proof
from tokens.models import TokenAccount, TokenEntry

pytestmark = pytest.mark.django_db
PAGE, GRANT = "/manage/tokens/", "/manage/tokens/grant/"


@pytest.fixture
def granted(acme, ann, bo, cy, inside) -> None:
    with inside(acme):
        ledger.adjust(bo, 30, actor=ann, reason="March")
        ledger.adjust(cy, 5, actor=ann, reason="<b>bold</b>")
        ledger.debit(bo, 1, reference="test:1")


def text(answer) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def filled(person, tokens=7, **more) -> dict:
    return {"person": person.pk, "tokens": tokens, "reason": "April", "key": uuid7(), **more}


def test_a_search_that_no_text_can_be_finds_nothing_or_everybody(browser, ann, granted):
    """PostgreSQL's texts have no NUL: it was answered with 500."""
    for search in ("\0", "B\0o"):
        assert "Bo" in text(browser(ann).get(PAGE, {"search": search}))


def test_only_admins_get_it(browser, bo, olga):
    assert browser(bo).get(PAGE).status_code == 403
    assert browser(bo).post(GRANT, filled(bo)).status_code == 403
    assert browser().get(PAGE).status_code == 302
    assert browser(olga).get(PAGE).status_code in (302, 403)


def test_it_shows_balances_and_the_ledger_as_text(browser, ann, granted):
    answer = browser(ann).get(PAGE)
    shown = text(answer)
    assert "34" in shown  # available to agents
    assert "&lt;b&gt;bold&lt;/b&gt;" in shown
    assert "<b>bold" not in answer.content.decode()
    assert shown.index("Cy") < shown.index("Bo")  # who has least comes first
    assert "Not checked yet" in shown


def test_a_balance_that_was_set_to_what_it_was_is_told_as_that(browser, ann, cy, granted, inside, acme):
    with inside(acme):
        ledger.set_balance(cy, 5, actor=ann, reason="Checked", idempotency_key="may")
    assert "Cy Set by Ann (no change) · Checked 0 5" in text(browser(ann).get(PAGE))


def test_it_says_what_the_last_proof_found(browser, ann, granted):
    with tenancy.system():
        Conversation.objects.update(inbound_count=1)  # the factory's messages
    proof.run_proof()
    assert "Ledger verified" in text(browser(ann).get(PAGE))
    with tenancy.system():
        TokenAccount.objects.update(reserved=3)
    proof.run_proof()
    assert "found a mismatch" in text(browser(ann).get(PAGE))


def test_a_grant_is_written_once_however_often_the_form_is_sent(browser, ann, bo, granted, inside, acme):
    form = filled(bo)
    for _ in range(2):
        assert browser(ann).post(GRANT, form).status_code == 302
    with inside(acme):
        assert ledger.balance(bo) == 36
        entry = TokenEntry.objects.order_by("-pk").first()
    assert (entry.amount, entry.reason, entry.actor_id) == (7, "April", ann.pk)
    again = browser(ann).post(GRANT, {**form, "tokens": 8})
    assert again.status_code == 422
    assert "already used for a different request" in text(again)


def test_the_form_stays_with_the_agent_who_was_granted_tokens(browser, ann, cy, granted):
    answer = browser(ann).post(GRANT, filled(cy), follow=True)
    [chosen] = re.findall(r'<option value="([^"]+)" selected', answer.content.decode())
    assert chosen == str(cy.pk)


@pytest.mark.parametrize("change", [{"tokens": 0}, {"tokens": -100}, {"tokens": "many"}, {"reason": ""}, {"key": "x"}])
def test_what_makes_no_sense_is_refused_and_changes_nothing(browser, ann, bo, granted, inside, acme, change):
    answer = browser(ann).post(GRANT, {**filled(bo), **change})
    assert answer.status_code == 422
    with inside(acme):
        assert ledger.balance(bo) == 29


def test_nobody_of_another_organization_or_without_tokens_can_be_chosen(browser, ann, zed, granted, globex):
    with tenancy.organization(globex.organization.pk):
        stranger = factories.UserFactory(organization=globex.organization)
    for person in (stranger, zed, ann):
        assert browser(ann).post(GRANT, filled(person)).status_code == 422


def test_the_ledger_is_filtered_and_leafed_through(browser, ann, bo, granted, inside, acme):
    with inside(acme):
        for number in range(60):
            ledger.debit(bo, 1, reference=f"message:{uuid7()}") if number < 29 else ledger.adjust(
                bo, 1, actor=ann, reason=f"Grant {number}"
            )
    first = browser(ann).get(PAGE).content.decode()
    older = re.search(r"before=([0-9a-f-]{36})", first)[1]
    second = browser(ann).get(f"{PAGE}?before={older}").content.decode()
    rows = [page.count("data-label") for page in (first, second)]
    assert rows == [50, 13]
    assert "Message sent" not in text(browser(ann).get(f"{PAGE}?kind=grants"))
    assert "Granted by" not in text(browser(ann).get(f"{PAGE}?kind=sends"))
    assert "No entries of this kind" in text(browser(ann).get(f"{PAGE}?kind=held"))
    for wrong in ("?kind=other", "?before=x"):
        assert browser(ann).get(PAGE + wrong).status_code == 400


def test_people_are_found_and_low_ones_marked(browser, ann, granted, inside, acme):
    with inside(acme):
        Organization.objects.update(low_balance_limit=10)
    shown = text(browser(ann).get(f"{PAGE}?search=cy"))
    balances = shown[shown.index("Balances") : shown.index("Ledger")]
    assert "Cy" in balances
    assert "Bo" not in balances
    assert "Low" in balances
    assert "Low balances 1 below 10 tokens" in shown  # Cy, who was never given any
    assert "No one matches" in text(browser(ann).get(f"{PAGE}?search=zzz"))


def test_it_takes_as_many_queries_with_more_people(browser, ann, granted, inside, acme):
    def count() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert browser(ann).get(PAGE).status_code == 200
        return len(captured)

    before = count()
    with inside(acme):
        for _ in range(20):
            factories.UserFactory(organization=acme.organization)
    assert count() == before
