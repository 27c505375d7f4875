"""One search, whichever door it comes in by: people, numbers as they are typed, and further numbers."""

import pytest

from chatrooms.models import Contact, ContactAddress

pytestmark = pytest.mark.django_db
OWN, FURTHER = "+14155942380", "+14155942399"


@pytest.fixture(autouse=True)
def person(acme, sales, inside) -> Contact:
    with inside(acme):
        Contact.objects.filter(pk=sales.contact.pk).update(phone=OWN, first_name="Zoë", last_name="Brandt")
        ContactAddress.objects.create(
            organization=acme.organization, chatroom=sales.room, contact=sales.contact, address=FURTHER
        )
    return sales.contact


TEXTS = [
    "(415) 594-2380", "415 594 2380", "+1 415-594-2380", "1.415.594.2380", "+14155942380", "594-2380", "4155942380",
    "(415) 594-2399", "+1 415 594 2399", "Zoë", "zoë brandt", "Brandt",
    "\u202a+1 (415) 594\u20112380\u202c", "+1\u00a0415\u00a05942380",
    "\uff14\uff11\uff15 5942380", "Zoe\u0308", "  Brandt  ",
]  # fmt: skip


@pytest.mark.parametrize("text", TEXTS)
def test_every_door_finds_the_person(sales, bo, api, browser, text):
    conversations = api(bo).get("/api/conversations", {"search": text}).json()["results"]
    contacts = api(bo).get("/api/contacts", {"search": text}).json()["results"]
    page = browser(bo).get("/inbox/", {"search": text}).content.decode()

    assert [row["id"] for row in conversations] == [str(sales.conversation.pk)]
    assert [row["id"] for row in contacts] == [str(sales.contact.pk)]
    assert f"conv-{sales.conversation.pk}" in page


@pytest.mark.parametrize("text", ["(415) 594-9999", "Zoltan", "%", "_"])
def test_every_door_finds_nobody_else(sales, bo, api, text):
    assert api(bo).get("/api/conversations", {"search": text}).json()["results"] == []
    assert api(bo).get("/api/contacts", {"search": text}).json()["results"] == []
