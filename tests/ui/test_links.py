"""Links in what people write: which addresses become one, and that nothing else ever does."""

import time

import pytest

from messagehub.ui.links import link_text
from messaging.conversations import notes
from tests import factories

WEB = 'rel="noopener noreferrer nofollow" target="_blank"'


@pytest.mark.parametrize(
    ("text", "linked"),
    [
        ("See https://a.example/x?y=1&z=2.", f'See <a href="https://a.example/x?y=1&amp;z=2" {WEB}>https://a.example/x?y=1&amp;z=2</a>.'),
        ("www.shop.example", f'<a href="http://www.shop.example" {WEB}>www.shop.example</a>'),
        ("mail nina@shop.example!", 'mail <a href="mailto:nina@shop.example">nina@shop.example</a>!'),
        ("Call (415) 594-2380 now", 'Call <a href="tel:+14155942380">(415) 594-2380</a> now'),
        ("Call +44 20 7946 0958", 'Call <a href="tel:+442079460958">+44 20 7946 0958</a>'),
        ("https://a.example/4155942380", f'<a href="https://a.example/4155942380" {WEB}>https://a.example/4155942380</a>'),
    ],
)  # fmt: skip
def test_an_address_in_a_text_is_a_link(text, linked):
    assert link_text(text, "US") == linked


@pytest.mark.parametrize(
    "text",
    [
        "javascript:alert(1)",
        "data:text/html,<b>",
        "ftp://a.example/x",
        "file:///etc/passwd",
        "order 1234567890123",
        "at 12:30, 5.5 kg",
        "<a href='https:'>",
        "",
    ],
)
def test_nothing_else_in_a_text_is_a_link(text):
    assert "<a " not in link_text(text, "US")


def test_text_around_and_inside_a_link_is_escaped():
    text = link_text('<img src=x> https://a.example/"onclick=x <b>', "US")
    assert "<img" not in text
    assert "<b>" not in text
    assert '"onclick' not in text


def test_a_number_without_a_plus_is_read_in_the_organizations_country(browser, acme, bo, sales, inside):
    with inside(acme):
        acme.organization.default_country = "GB"
        acme.organization.save()
        factories.MessageFactory(conversation=sales.conversation, content="Ring 020 7946 0958")
    page = browser(bo).get(f"/inbox/{sales.conversation.pk}/").content.decode()
    assert '<a href="tel:+442079460958">020 7946 0958</a>' in page


def test_a_note_links_addresses_and_sets_mentions_apart(browser, acme, ann, bo, sales, inside):
    with inside(acme):
        notes.add_note(sales.conversation, "@Bo see https://bo.example/@Bo", author=ann, mentions=[bo])
    page = browser(ann).get(f"/inbox/{sales.conversation.pk}/").content.decode()
    assert f'<b class="mention">@Bo</b> see <a href="https://bo.example/@Bo" {WEB}>' in page


@pytest.mark.parametrize("filler", ["", "a.example "])
def test_text_that_is_nothing_but_numbers_has_its_first_linked_and_takes_no_time(filler):
    """A stranger may send fifty of them; while they are drawn, this process answers nobody."""
    began = time.process_time()

    linked = link_text(f"{filler}4155942380 " * 200, "US")
    link_text(f"{filler}12.34.56.78 " * 200, "US")
    link_text(f"{filler}1 1" * 500, "US")

    assert 1 <= linked.count("tel:") <= 10
    assert linked.count("4155942380") >= 200
    assert time.process_time() - began < 1
