"""Zones and countries of an organization: the same rule at the back office, the API, the operation and the database."""

from zoneinfo import available_timezones

import phonenumbers
import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction

from accounts import organizations
from accounts.models import Organization
from messagehub import datetimes, tenancy

pytestmark = pytest.mark.django_db

WRONG = [
    ("time_zone", "America/New York"),
    ("time_zone", "localtime"),
    ("time_zone", "Factory"),
    ("time_zone", "europe/berlin"),
    ("time_zone", "UTC+3"),
    ("time_zone", "Mars/Base"),
    ("time_zone", ""),
    ("default_country", "UK"),
    ("default_country", "ZZ"),
    ("default_country", ""),
]
BOTH = pytest.mark.parametrize(("name", "value"), WRONG)


@BOTH
def test_back_office_refuses_an_unknown_zone_or_country(browser, ann, acme, inside, name, value):
    fields = {"name": "Acme", "time_zone": "UTC", "default_country": "US", "keyword_languages": "en"} | {name: value}

    answer = browser(ann).post(f"/admin/accounts/organization/{acme.organization.pk}/change/", fields)

    assert answer.status_code == 200
    assert list(answer.context["adminform"].form.errors) == [name]
    with inside(acme):
        assert getattr(Organization.objects.get(), name) in ("UTC", "US")


@BOTH
def test_api_refuses_an_unknown_zone_or_country(api, ann, name, value):
    answer = api(ann).patch("/api/settings", {name: value})

    assert answer.status_code == 400
    assert list(answer.json()["error"]["fields"]) == [name]


@BOTH
def test_operation_refuses_an_unknown_zone_or_country(acme, ann, inside, name, value):
    with inside(acme), pytest.raises(ValidationError) as refused:
        organizations.change_organization(Organization.objects.get(), by=ann, **{name: value})
    assert list(refused.value.message_dict) == [name]


@BOTH
def test_database_refuses_an_unknown_zone_or_country(acme, inside, name, value):
    with inside(acme), pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE organizations SET {name} = %s", [value])
    organization = Organization(name="New", slug="new", **{name: value})
    with pytest.raises(IntegrityError), tenancy.organization(organization.pk):
        organization.save(force_insert=True)


def test_every_offered_zone_is_known_to_the_database(acme, inside):
    with inside(acme), connection.cursor() as cursor:
        cursor.execute("SELECT name FROM pg_timezone_names")
        known = {name for (name,) in cursor.fetchall()}
    assert datetimes.list_time_zones() <= known
    assert datetimes.list_time_zones() >= available_timezones() - {"localtime", "Factory"}


def test_every_country_with_numbers_is_stored(acme, inside):
    with inside(acme):
        for country in phonenumbers.SUPPORTED_REGIONS:
            Organization.objects.update(default_country=country)


def test_cookie_of_an_unknown_zone_is_ignored(browser, ann):
    client = browser(ann)
    client.cookies["timezone"] = "localtime"
    assert client.get("/inbox/").status_code == 200


def test_prices_and_limits_of_the_api_are_the_model_s(acme, ann, inside):
    wrong = {"price_sms": 1001, "price_messenger": 1001, "price_instagram": 1001, "low_balance_limit": 1_000_001}
    with inside(acme):
        for name, value in wrong.items():
            with pytest.raises(ValidationError):
                organizations.change_organization(Organization.objects.get(), by=ann, **{name: value})
