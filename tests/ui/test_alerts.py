"""Above every page, admins read what is wrong with their channels."""

import pytest

from integrations import health

WORDS = "The token of The shop ends on 1 December 2026. Create a new one and update it under Channels."


@pytest.fixture
def alert(acme, sales, inside):
    def raise_alert(code: str = "token_expiring", words: str = WORDS) -> None:
        with inside(acme):
            health.raise_alert(acme.organization.pk, sales.number.account_id, code, words)

    return raise_alert


def read_page(client, path: str) -> str:
    return " ".join(client.get(path).content.decode().split())


@pytest.mark.parametrize("path", ["/inbox/", "/notifications/", "/manage/tokens/", "/me/"])
def test_alert_of_the_organization_stands_on_every_page_of_its_admins(browser, ann, bo, zed, sales, alert, path: str):
    assert WORDS not in read_page(browser(ann), path)

    alert()

    shown = read_page(browser(ann), path)
    assert WORDS in shown
    assert f'href="/manage/channels/{sales.number.account_id}/"' in shown
    for other in (bo, zed):
        assert WORDS not in read_page(browser(other), path)


def test_newest_of_several_alerts_is_read_and_the_others_are_counted(browser, ann, acme, sales, inside, alert):
    for number in (1, 2, 3):
        alert(f"code{number}", f"Trouble number {number}.")

    shown = read_page(browser(ann), "/inbox/")

    assert "Trouble number 3. And 2 more alerts." in shown
    with inside(acme):
        health.close_alerts(sales.number.account_id, ["code3"])
    assert "Trouble number 2. And 1 more alert." in read_page(browser(ann), "/inbox/")
    with inside(acme):
        health.close_alerts(sales.number.account_id)
    assert "Trouble number" not in read_page(browser(ann), "/inbox/")
