"""One Idempotency-Key names one grant, also while two are made at once."""

import pytest

from tests.meanwhile import Aside
from tokens import ledger

pytestmark = pytest.mark.django_db(transaction=True)


def balances(acme, inside, *people) -> list[int | None]:
    with inside(acme):
        return [ledger.balance(person) for person in people]


@pytest.mark.parametrize("change", [{"delta": 7}, {"balance": 107}])
def test_grant_to_another_person_with_the_same_key_is_refused_while_the_first_commits(
    acme, ann, bo, cy, api, inside, change
):
    before = balances(acme, inside, bo, cy)
    given = {"user_id": str(cy.pk), **change, "reason": "March"}
    with inside(acme):
        ledger.adjust(bo, 7, actor=ann, reason="March", idempotency_key="march")
        second = Aside(lambda: api(ann).patch("/api/tokens/update", given, headers={"Idempotency-Key": "march"}))
    answer = second.result()

    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "idempotency_mismatch")
    assert balances(acme, inside, bo, cy) == [before[0] + 7, before[1]]


def test_same_grant_at_once_is_made_once(acme, ann, bo, api, inside):
    [before] = balances(acme, inside, bo)
    given = {"user_id": str(bo.pk), "delta": 7, "reason": "March"}
    with inside(acme):
        first, _ = ledger.adjust(bo, 7, actor=ann, reason="March", idempotency_key="march")
        second = Aside(lambda: api(ann).patch("/api/tokens/update", given, headers={"Idempotency-Key": "march"}))
    answer = second.result()

    assert (answer.status_code, answer.json()["entry_id"]) == (200, str(first))
    assert balances(acme, inside, bo) == [before + 7]


def test_grants_with_other_keys_do_not_wait(acme, ann, bo, cy, api, inside):
    given = {"user_id": str(cy.pk), "delta": 7, "reason": "March"}
    with inside(acme):
        ledger.adjust(bo, 7, actor=ann, reason="March", idempotency_key="march")
        second = Aside(lambda: api(ann).patch("/api/tokens/update", given, headers={"Idempotency-Key": "april"}))
        assert second.result().status_code == 200
