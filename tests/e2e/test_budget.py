"""What the first visit of the inbox may cost: counted, not timed (bench/first_visit.py times it)."""

import pytest
from playwright.sync_api import Browser

from bench.first_visit import signed_in, visit
from tests.running_demo import Demo

pytestmark = pytest.mark.e2e
REQUESTS, BYTES, SCRIPTS, SHIFT = 14, 100 * 1024, 9, 0.02  # scripts: htmx and eight modules of ours


def test_the_first_visit_of_the_inbox_stays_in_its_budget(demo: Demo, browser: Browser):
    priya = demo.people["priya"]
    cookies = signed_in(browser, demo.base_url, priya["email"], priya["password"])

    seen = visit(browser, demo.base_url, cookies)

    assert seen.hosts == {demo.base_url.split("/")[2]}, seen
    assert len(seen.requests) <= REQUESTS, seen
    assert seen.bytes <= BYTES, seen
    assert len([url for url in seen.requests if url.endswith(".js")]) <= SCRIPTS, seen
    assert seen.shift <= SHIFT
