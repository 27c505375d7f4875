"""How many tokens one change may move: the same at the API, on the page and in the back office."""

import pytest

from messagehub import tenancy
from tokens import ledger
from tokens.models import MOST_TOKENS, TokenAccount

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("tokens", "is_granted"), [(MOST_TOKENS, True), (MOST_TOKENS + 1, False)])
@pytest.mark.parametrize("door", ["api", "back office"])
def test_largest_grant_is_the_same_at_every_door(api, browser, acme, ann, bo, door, tokens, is_granted):
    with tenancy.organization(acme.organization.pk):
        account = TokenAccount.objects.get(user=bo)
    if door == "api":
        api(ann).patch("/api/tokens/update", {"user_id": str(bo.pk), "delta": tokens})
    else:
        chosen = {"action": "grant", "_selected_action": [str(account.pk)], "apply": "1", "reason": "Start"}
        browser(ann).post("/admin/tokens/tokenaccount/", chosen | {"tokens": str(tokens)})

    with tenancy.organization(acme.organization.pk):
        assert ledger.balance(bo) == (tokens if is_granted else 0)
