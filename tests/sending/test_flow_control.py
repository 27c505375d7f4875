"""Shares of a claim and windows of accounts: arithmetic alone."""

import asyncio
import time
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st
from uuid_utils.compat import uuid7

from integrations.events import Accepted, Busy, NotReached, Refused, ShutOut, Unclear
from messaging.sending import flow_control
from messaging.sending.flow_control import FIRST, MOST, RESERVED, Sender, Window, Windows, shares


def test_a_window_opens_with_answers_and_halves_when_told_to_wait():
    window = Window()
    sizes = []
    for outcome in (Accepted("1"), Refused("21211", ""), Accepted("2"), Accepted("3"), Busy("", 1, True)):
        window.flying += 1
        window.landed(outcome)
        sizes.append(window.size)
    assert sizes == [FIRST + 1, FIRST + 2, FIRST + 3, FIRST + 4, (FIRST + 4) // 2]
    for _ in range(3 * MOST):
        window.landed(Accepted("4"))
    assert window.size == MOST
    window.landed(ShutOut("20003", ""))
    assert window.size == FIRST
    for outcome in (Unclear(""), NotReached(""), None, Busy("", 1, False)):
        window.landed(outcome)
    assert window.size == 1  # never none at all, or it could not recover


def test_what_flies_is_not_free():
    windows, account = Windows(), uuid7()
    windows[account].flying += 1
    assert windows.free(300) == {account: FIRST - 1}


def test_the_last_places_are_for_who_has_nothing_in_flight():
    windows, busy, idle = Windows(), uuid7(), uuid7()
    windows[busy].size = windows[busy].flying = 10
    windows[busy].size = 100
    windows[idle].size = FIRST
    assert windows.free(RESERVED + 1) == {busy: 123, idle: FIRST}
    assert windows.free(RESERVED) == {busy: 0, idle: FIRST}


def sender(organization: UUID, account: UUID | None = None, most: int | None = None) -> Sender:
    return Sender(uuid7(), organization, account or uuid7(), most)


def test_organizations_get_alike_however_many_numbers_they_have():
    big, small = uuid7(), uuid7()
    senders = [sender(big) for _ in range(9)] + [sender(small)]
    given_out = shares(senders, 20, {each.account_id: 100 for each in senders})
    assert given_out[senders[-1].channel_id] == 10
    assert sum(given_out.values()) == 20
    assert {given_out[each.channel_id] for each in senders[:-1]} == {1, 2}


def test_after_a_pause_it_begins_anew(monkeypatch):
    window = Window(size=50, flying=1)
    window.landed(Accepted("1"))
    assert window.free == 68
    monkeypatch.setattr(flow_control, "IDLE_SECONDS", -1)
    assert window.free == FIRST
    window.flying = 1
    window.size = 20
    assert window.free == 19  # not while something is on its way


def test_an_account_that_is_not_known_gets_the_first_alone_and_shares_them_among_its_numbers():
    organization, account = uuid7(), uuid7()
    given_out = shares([sender(organization, account), sender(organization, account)], 100, {})
    assert sum(given_out.values()) == FIRST


def test_a_rate_is_not_passed_and_its_room_goes_to_others():
    one, two = sender(uuid7(), most=3), sender(uuid7())
    given_out = shares([one, two], 10, {one.account_id: 100, two.account_id: 100})
    assert given_out == {one.channel_id: 3, two.channel_id: 7}


def test_a_number_whose_rate_is_used_up_gets_none():
    one = sender(uuid7(), most=0)
    assert shares([one], 10, {one.account_id: 10}) == {}


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4), st.none() | st.integers(0, 5)), max_size=12),
    st.integers(0, 40),
    st.dictionaries(st.integers(0, 4), st.integers(0, 20)),
)
def test_nothing_is_given_twice_or_beyond_what_is_free(kinds, room, free):
    accounts = [uuid7() for _ in range(5)]
    organizations = [uuid7() for _ in range(4)]
    senders = [sender(organizations[o], accounts[a], most) for o, a, most in kinds]
    free_of = {accounts[place]: count for place, count in free.items()}
    given_out = shares(senders, room, free_of)
    assert sum(given_out.values()) <= room
    for account in accounts:
        of_account = [given_out.get(each.channel_id, 0) for each in senders if each.account_id == account]
        assert sum(of_account) <= free_of.get(account, FIRST)
    for each in senders:
        assert each.most is None or given_out.get(each.channel_id, 0) <= each.most
    # and nothing is left over that somebody could have had
    if sum(given_out.values()) < room:
        for each in senders:
            used = sum(given_out.get(other.channel_id, 0) for other in senders if other.account_id == each.account_id)
            full = given_out.get(each.channel_id, 0) == each.most or used >= free_of.get(each.account_id, FIRST)
            assert full


# ---------------------------------------------------------------- the gate
async def test_a_wide_window_has_some_at_the_gate_that_take_the_places_of_what_lands():
    window = Window(size=50, landed_at=time.monotonic())
    assert window.free == 66
    flights = [asyncio.create_task(window.enter(time.monotonic())) for _ in range(66)]
    await asyncio.sleep(0)
    assert (window.flying, window.waiting, window.free) == (50, 16, 0)
    window.landed(Accepted("1"))  # one place, and one more for the answer
    await asyncio.sleep(0)
    assert (window.size, window.flying, window.waiting) == (51, 51, 14)
    for _ in range(20):
        window.landed(Accepted("1"))
    assert await asyncio.gather(*flights) == [None] * 66


async def test_at_the_gate_a_shut_out_account_turns_away_what_was_claimed_before_and_nothing_later():
    window, shut = Window(size=50, landed_at=time.monotonic()), ShutOut("20003", "")
    flights = [asyncio.create_task(window.enter(time.monotonic())) for _ in range(60)]
    await asyncio.sleep(0)
    window.turn_away(shut)
    window.landed(shut)
    assert (await asyncio.gather(*flights)).count(shut) == 10
    assert window.waiting == 0
    for _ in range(49):
        window.landed(Accepted("1"))
    assert await window.enter(time.monotonic()) is None
