"""What one person's language wrote into a campaign is read in another's."""

import pytest
from django.utils import translation

pytestmark = pytest.mark.django_db


def test_reason_of_a_pause_is_read_in_the_readers_language(crowd, draft, do, fresh, browser, ann):
    campaign = draft(crowd(1))
    do("start", campaign)
    with translation.override("de"):
        do("pause", campaign)
    assert fresh(campaign).paused_message == "Paused by Bo."
    page = f"/campaigns/{campaign.pk}/"
    assert "Paused by Bo." in browser(ann).get(page).content.decode()
    assert "Pausiert von Bo." in browser(ann).get(page, headers={"Accept-Language": "de"}).content.decode()
