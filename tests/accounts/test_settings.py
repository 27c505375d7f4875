"""/api/settings."""

import pytest

from accounts.models import Organization


def test_settings_are_read_and_changed_by_admins(api, ann, bo, acme, inside):
    client = api(ann)
    assert client.get("/api/settings").json() == {
        "name": "Acme",
        "slug": "acme",
        "time_zone": "UTC",
        "default_country": "US",
        "refund_policy": "not_sent",
        "low_balance_limit": 10,
        "require_mfa_for_admins": False,
        "keyword_languages": ["de", "en", "es", "fr", "it", "pt"],
        "opt_out_scope": "channel",
        "first_message_footer": "",
        "join_keywords": [],
        "join_question": "",
        "help_text": "",
        "help_on_long_codes": False,
        "approve_campaigns": False,
        "token_prices": {"SMS": 1, "MESSENGER": 1, "INSTAGRAM": 1},
        "quiet_hours": None,
        "quiet_hours_for_people": False,
        "holidays": [],
    }
    changed = client.patch("/api/settings", {"time_zone": "Europe/Berlin", "default_country": "de", "slug": "other"})
    assert (changed.json()["time_zone"], changed.json()["default_country"], changed.json()["slug"]) == (
        "Europe/Berlin",
        "DE",
        "acme",
    )
    assert api(bo).get("/api/settings").status_code == 403
    assert api(bo).patch("/api/settings", {"name": "Mine"}).status_code == 403
    with inside(acme):
        assert Organization.objects.get().default_country == "DE"


def test_the_rules_of_sending_are_settings(api, ann):
    client = api(ann)
    rules = {
        "token_prices": {"SMS": 2},
        "quiet_hours": {"from": "21:00", "until": "08:30"},
        "refund_policy": "undelivered",
        "low_balance_limit": 25,
        "keyword_languages": ["fr"],
        "opt_out_scope": "organization",
        "first_message_footer": "Reply STOP to opt out.",
        "join_keywords": ["JOIN!", "Früh Stück", "join"],
        "join_question": "Reply YES to get our offers.",
        "help_text": "Acme: call 555-0100. Reply STOP to opt out.",
        "help_on_long_codes": True,
        "quiet_hours_for_people": True,
        "holidays": [{"date": "2026-12-25", "name": "Christmas"}, {"date": "2027-01-01", "name": "New Year"}],
    }
    changed = client.patch("/api/settings", rules).json()
    assert {name: changed[name] for name in rules} == {
        **rules,
        "token_prices": {"SMS": 2, "MESSENGER": 1, "INSTAGRAM": 1},
        "keyword_languages": ["en", "fr"],
        "join_keywords": ["fruhstuck", "join"],
    }
    assert client.patch("/api/settings", {"quiet_hours": None}).json()["quiet_hours"] is None
    for wrong in (
        {"quiet_hours": {"from": "08:00", "until": "08:00"}},
        {"quiet_hours": {"from": "25:00", "until": "08:00"}},
        {"quiet_hours": {"from": "21:00"}},
        {"token_prices": {"SMS": -1}},
        {"refund_policy": "always"},
        {"low_balance_limit": -1},
        {"keyword_languages": ["nl"]},
        {"opt_out_scope": "platform"},
        {"help_text": "x" * 321},
        {"join_keywords": ["!!!"]},
        {"join_keywords": ["x" * 21]},
        {"join_keywords": list("abcdef")},
        {"holidays": [{"date": "25.12.2026", "name": "Christmas"}]},
        {"holidays": [{}]},
        {"holidays": [{"date": "2026-12-25"}, {"name": "Christmas"}]},
        {"quiet_hours": {}},
        {"holidays": [{"date": "2026-02-30", "name": "Never"}]},
        {"holidays": [{"date": "2026-12-25", "name": "\u2800"}]},
        {"holidays": [{"date": "2026-12-25", "name": "Christmas"}, {"date": "2026-12-25", "name": "Once more"}]},
        {"holidays": [{"date": f"2027-01-{1 + n % 28:02d}", "name": "Many"} for n in range(101)]},
    ):
        assert client.patch("/api/settings", wrong).status_code == 400, wrong
    assert client.get("/api/settings").json()["token_prices"]["SMS"] == 2


@pytest.mark.parametrize("wrong", [{"time_zone": "Mars/Base"}, {"default_country": "ZZ"}, {"name": ""}])
def test_what_is_no_setting_is_refused(api, ann, wrong):
    assert api(ann).patch("/api/settings", wrong).json()["error"]["fields"].keys() == wrong.keys()
