"""/api/tokens/list and /api/tokens/entries."""

import pytest

from tests import factories
from tokens import ledger


@pytest.fixture
def granted(acme, ann, bo, cy, inside):
    with inside(acme):
        for amount in (10, 20, 30):
            ledger.adjust(bo, amount, actor=ann, reason=f"Grant of {amount}")
        ledger.debit(bo, 1, reference="message:1")
        ledger.adjust(cy, 5, actor=ann, reason="")


def test_balances_of_the_organization(api, ann, granted, zed):
    listed = api(ann).get("/api/tokens/list").json()["results"]

    assert {row["name"]: row["balance"] for row in listed} == {"Ann": None, "Bo": 59, "Cy": 5}
    assert {"user_id", "email", "role", "is_active"} < set(listed[0])


def test_the_ledger_is_newest_first_and_adds_up(api, ann, bo, granted):
    entries = api(ann).get("/api/tokens/entries", {"user_id": bo.pk}).json()["results"]

    assert [entry["amount"] for entry in entries] == [-1, 30, 20, 10]
    assert [entry["balance_after"] for entry in entries] == [59, 60, 30, 10]
    assert entries[1]["actor"] == {"id": str(ann.pk), "name": "Ann"}
    assert entries[0]["reference"] == "message:1"
    assert len(api(ann).get("/api/tokens/entries").json()["results"]) == 5


def test_pages_meet_without_gap_or_repeat(api, ann, bo, granted):
    url, seen = f"/api/tokens/entries?user_id={bo.pk}&page_size=3", []
    first = api(ann).get(url).json()
    second = api(ann).get(first["next"]).json()
    seen = [entry["amount"] for page in (first, second) for entry in page["results"]]
    assert seen == [-1, 30, 20, 10]
    assert second["next"] is None
    assert [entry["amount"] for entry in api(ann).get(second["previous"]).json()["results"]] == [-1, 30, 20]


def test_agents_see_their_own_only(api, bo, cy, granted):
    assert len(api(bo).get("/api/tokens/entries").json()["results"]) == 4
    assert len(api(bo).get("/api/tokens/entries", {"user_id": bo.pk}).json()["results"]) == 4
    assert api(bo).get("/api/tokens/entries", {"user_id": cy.pk}).status_code == 400
    assert api(bo).get("/api/tokens/list").status_code == 403


def test_queries_do_not_grow(api, ann, bo, acme, inside, granted, assert_constant_queries):
    def add_entry():
        with inside(acme):
            user = factories.UserFactory(organization=acme.organization)
            ledger.adjust(user, 1, actor=bo, reason="")

    assert_constant_queries(api(ann), "/api/tokens/entries", add_entry)
    assert_constant_queries(api(ann), "/api/tokens/list", add_entry)


def test_a_balance_that_is_set_with_a_key_is_set_once_whatever_was_spent_meanwhile(api, acme, ann, bo, granted, inside):
    """Whoever repeats a request that got no answer would have granted what was spent by then."""

    def ask(**more):
        given = {"user_id": str(bo.pk), "balance": 100, "reason": "March"} | more
        return api(ann).patch("/api/tokens/update", given, headers={"Idempotency-Key": "march"})

    first = ask().json()
    with inside(acme):
        ledger.debit(bo, 40, reference="message:2")
    assert ask().json() == first
    assert ask(balance=90).json()["error"]["code"] == "idempotency_mismatch"
    assert api(ann).get("/api/tokens/get", {"user_id": bo.pk}).json()["balance"] == 60


def test_a_balance_that_stood_there_already_is_not_set_later_by_the_same_key(api, acme, ann, bo, granted, inside):
    def ask(balance):
        given = {"user_id": str(bo.pk), "balance": balance, "reason": "March"}
        return api(ann).patch("/api/tokens/update", given, headers={"Idempotency-Key": "march"})

    standing = api(ann).get("/api/tokens/get", {"user_id": bo.pk}).json()["balance"]
    first = ask(standing).json()
    assert first["balance"] == standing
    with inside(acme):
        ledger.debit(bo, 4, reference="message:2")
    assert ask(standing).json() == first
    assert api(ann).get("/api/tokens/get", {"user_id": bo.pk}).json()["balance"] == standing - 4
    assert ask(standing + 1).json()["error"]["code"] == "idempotency_mismatch"


@pytest.mark.parametrize("change", [{"delta": 7}, {"balance": 7}])
def test_a_key_that_was_used_for_one_person_is_not_used_for_another(api, ann, bo, cy, granted, change):
    key = {"headers": {"Idempotency-Key": "march"}}
    assert api(ann).patch("/api/tokens/update", {"user_id": str(bo.pk), **change}, **key).status_code == 200
    refused = api(ann).patch("/api/tokens/update", {"user_id": str(cy.pk), **change}, **key)
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "idempotency_mismatch")
    assert api(ann).get("/api/tokens/get", {"user_id": cy.pk}).json()["balance"] == 5
