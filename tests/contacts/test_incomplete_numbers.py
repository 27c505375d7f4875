"""A number without its area code is refused at every door: what can be dialed next door is no address."""

import pytest

from accounts.models import Organization
from chatrooms.models import Contact

pytestmark = pytest.mark.django_db

INCOMPLETE = pytest.mark.parametrize(
    ("country", "phone"),
    [("US", "555-0123"), ("GB", "7946 0958"), ("MX", "1234 5678"), ("GB", "72345"), ("US", "+15550123")],
)


@INCOMPLETE
def test_contact_with_an_incomplete_number_is_refused(api, ann, acme, sales, inside, country, phone):
    with inside(acme):
        Organization.objects.update(default_country=country)
        before = Contact.objects.count()
    client, room = api(ann), str(sales.room.pk)

    created = client.post("/api/contacts", {"phone": phone, "chatroom_id": room})
    changed = client.patch(f"/api/contacts/{sales.contact.pk}", {"phone": phone})
    sent = client.post("/api/messages/send", {"to": phone, "content": "Hi", "chatroom_id": room})

    for answer, field in ((created, "phone"), (changed, "phone"), (sent, "to")):
        assert answer.status_code == 400
        assert "area code" in answer.json()["error"]["fields"][field][0]
    with inside(acme):
        assert Contact.objects.count() == before


def test_page_of_a_contact_says_that_the_area_code_is_missing(browser, bo, sales):
    page = browser(bo).post(f"/contacts/{sales.contact.pk}/edit/", {"phone": "555-0123", "first_name": "N"})
    assert "area code" in page.content.decode()


@pytest.mark.parametrize(
    ("country", "phone", "stored"),
    [
        ("US", "(415) 555-0123", "+14155550123"),
        ("GB", "020 7946 0958", "+442079460958"),
        ("HK", "2345 6789", "+85223456789"),
    ],
)
def test_complete_number_is_stored(api, ann, acme, sales, inside, country, phone, stored):
    with inside(acme):
        Organization.objects.update(default_country=country)
    answer = api(ann).post("/api/contacts", {"phone": phone, "chatroom_id": str(sales.room.pk)})
    assert (answer.status_code, answer.json()["phone"]) == (201, stored)
