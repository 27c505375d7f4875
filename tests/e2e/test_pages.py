"""What every page of the staff interface owes: axe finds nothing, nothing is wider than the window, and a first visit
stays within its budget. Add a page here with its address and who sees it; what the page does has tests of its own."""

import re

import pytest

from bench.first_visit import visit
from tests.e2e.conftest import DESKTOP, PHONE
from tests.e2e.looks import assert_accessible
from tests.running_demo import Demo

pytestmark = pytest.mark.e2e
REQUESTS, BYTES, SHIFT = 14, 100 * 1024, 0.02
PAGES = {  # person of the demo -> addresses
    "maya": [
        "/",
        "/notifications/",
        "/send/",
        "/contacts/",
        "/contacts/imports/",
        "/groups/",
        "/messages/",
        "/campaigns/",
        "/campaigns/new/",
    ],
    "dana": [
        "/manage/tokens/",
        "/contacts/?search=zzzz&consent=unknown",
        "/manage/users/",
        "/manage/chatrooms/",
        "/manage/numbers/",
        "/manage/numbers/import/",
        "/manage/pages/",
        "/manage/settings/",
        "/manage/settings/labels/",
        "/manage/settings/keys/",
        "/manage/settings/audit/",
        "/manage/settings/quiet-hours/",
        "/contacts/?search=zzzz&consent=unknown",
    ],
}
ADDRESSES = [(person, path) for person, paths in PAGES.items() for path in paths]


@pytest.mark.parametrize(("person", "path"), ADDRESSES, ids=[path for _, path in ADDRESSES])
def test_a_page_is_accessible_narrow_enough_and_light(demo: Demo, signed_in, complaints, person, path):
    page = signed_in(person)
    for size in (DESKTOP, PHONE):
        page.set_viewport_size(size)
        page.goto(f"{demo.base_url}{path}")
        assert_accessible(page, re.sub(r"\W+", "-", path).strip("-") or "dashboard")
    seen = visit(page.context.browser, demo.base_url, page.context.cookies(), path=path, wait=0)
    assert len(seen.requests) <= REQUESTS, seen
    assert seen.bytes <= BYTES, seen
    assert seen.shift <= SHIFT
    assert complaints == []
