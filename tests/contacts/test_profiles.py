"""Names and pictures of contacts, with the sandbox as Meta over a real socket."""

import itertools
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone

from chatrooms import contacts
from chatrooms.models import Contact
from integrations.models import FacebookPage
from messagehub import tenancy
from messaging import tasks
from messaging.contacts import profiles
from messaging.models import Event
from tests import factories
from tests.meta_events import build_text
from tests.receiving.meta.conftest import come_in
from tests.sandbox_server import SandboxServer, sandbox_server

pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("facebook pages")]
APP, SECRET = "9911", "5e" * 16
PAGE, ACCOUNT, TOKEN = "10770001", "17870001", "EAAof0the0named0page"
PEOPLE = (f"7712{number:04d}" for number in itertools.count())
__all__ = ["come_in"]  # a fixture of another folder


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[SandboxServer]:
    with sandbox_server(tmp_path_factory.mktemp("sandbox")) as sandbox:
        sandbox.add_app(APP, SECRET, "http://127.0.0.1:9/api/webhooks/facebook")
        sandbox.add_page(PAGE, "The shop", TOKEN, APP, instagram_account_id=ACCOUNT, instagram_username="the.shop")
        yield sandbox


@pytest.fixture
def meta(server, settings, tmp_path) -> SandboxServer:
    settings.META_GRAPH_BASE_URL = settings.META_INSTAGRAM_BASE_URL = f"{server.base_url}/graph"
    settings.META_APP_ID, settings.META_APP_SECRET = APP, SECRET
    settings.SANDBOX, settings.PUBLIC_BASE_URL, settings.MEDIA_ROOT = True, server.origin, tmp_path
    server.post(f"/meta/pages/{PAGE}", token_valid=True)
    return server


@pytest.fixture
def write(acme, sales, inside, meta, come_in) -> Callable[..., Contact]:
    """Somebody whom Meta knows as this writes for the first time."""
    with inside(acme):
        account = factories.FacebookPageFactory(
            organization=acme.organization, external_id=PAGE, name="The shop", secret=TOKEN
        )
        messenger = factories.PageChannelFactory(chatroom=sales.room, account=account)
        instagram = factories.PageChannelFactory(
            chatroom=sales.room, account=account, platform="INSTAGRAM", address=ACCOUNT
        )

    def bring(platform: str = "MESSENGER", **person) -> Contact:
        channel = instagram if platform == "INSTAGRAM" else messenger
        scoped_id = next(PEOPLE)
        names = {"first_name": "", "last_name": "", "username": ""}
        meta.add_person(channel.address, scoped_id, **{**names, **person})
        come_in(channel, build_text(channel.address, "Hello", person=scoped_id))
        with inside(acme):
            return Contact.objects.get(addresses__address=scoped_id)

    return bring


def fetch(contact: Contact) -> Contact:
    tasks.fetch_profile.func(str(contact.pk))
    with tenancy.system():
        return Contact.objects.get(pk=contact.pk)


def test_first_message_brings_the_name_and_a_copy_of_the_picture(write, api, bo, browser):
    contact = write(first_name="Ada", last_name="Byron")
    assert (contact.first_name, contact.name_source) == ("", "none")

    named_contact = fetch(contact)

    assert (named_contact.first_name, named_contact.last_name) == ("Ada", "Byron")
    assert named_contact.name_source == "provider"
    shown = api(bo).get(f"/api/contacts/{contact.pk}").json()["profile_pic_url"]
    assert shown.endswith(f"/contacts/{contact.pk}/picture/")
    picture = browser(bo).get(f"/contacts/{contact.pk}/picture/")
    assert (picture.status_code, picture["Content-Type"]) == (200, "image/png")
    assert picture.content.startswith(b"\x89PNG")


@pytest.mark.parametrize("page", ["/inbox/", "/inbox/{conversation}/", "/contacts/{contact}/"])
def test_picture_is_drawn_over_the_initials(write, browser, bo, acme, inside, page: str):
    contact = write(first_name="Ada", last_name="Byron")
    with inside(acme):
        path = page.format(contact=contact.pk, conversation=contact.conversations.get().pk)
    picture = f'src="/contacts/{contact.pk}/picture/"'
    assert picture not in browser(bo).get(path).content.decode()

    fetch(contact)

    html = browser(bo).get(path).content.decode()
    assert html.count(f'AB<img class="face" {picture} alt=""') == html.count(picture) >= 1


def test_who_writes_without_a_name_is_asked_for_once_more_a_day(write, acme, inside, sales):
    unnamed, named, silent, known_by_phone = write(), write(first_name="Ada"), write(), sales.contact
    fetch(named)
    with inside(acme):
        Contact.objects.filter(pk=silent.pk).update(last_activity_at=timezone.now() - timedelta(days=2))
        Contact.objects.filter(pk=known_by_phone.pk).update(last_activity_at=timezone.now())
        Contact.objects.filter(pk__in=[unnamed.pk, named.pk]).update(last_activity_at=timezone.now())

    assert profiles.list_unnamed() == [unnamed.pk]


def test_picture_of_others_does_not_exist(write, browser, cy, zed, sales, ann):
    contact = fetch(write(first_name="Ada", last_name="Byron"))

    for outsider in (cy, zed):
        assert browser(outsider).get(f"/contacts/{contact.pk}/picture/").status_code == 404
    assert browser(ann).get(f"/contacts/{sales.contact.pk}/picture/").status_code == 404


def test_file_that_is_no_picture_is_not_shown(write, browser, bo, acme, inside):
    contact = write()
    path = default_storage.save(profiles.build_picture_path(acme.organization.pk, contact.pk), ContentFile(b"<script>"))
    with inside(acme):
        Contact.objects.filter(pk=contact.pk).update(profile_picture_url=path)

    assert browser(bo).get(f"/contacts/{contact.pk}/picture/").status_code == 404


@pytest.mark.parametrize(
    ("person", "name"),
    [
        ({"first_name": "Ada", "last_name": "Byron", "username": "ada.b"}, ("Ada Byron", "")),
        ({"first_name": "", "last_name": "", "username": "ada.b"}, ("ada.b", "")),
    ],
)
def test_follower_without_a_name_has_a_username(write, person: dict, name: tuple[str, str]):
    contact = fetch(write("INSTAGRAM", **person))

    assert (contact.first_name, contact.last_name) == name


def test_person_with_a_picture_only_gets_no_invented_name(write):
    contact = fetch(write())

    assert (contact.first_name, contact.last_name, contact.name_source) == ("", "", "none")
    assert contact.profile_picture_url


@pytest.mark.parametrize("profile", ["none", "no_consent"])
def test_person_without_a_profile_keeps_no_name(write, profile: str):
    contact = fetch(write(first_name="Ada", last_name="Byron", profile=profile))

    assert (contact.first_name, contact.name_source, contact.profile_picture_url) == ("", "none", "")


def test_name_that_somebody_gave_stays(write, acme, inside, ann):
    contact = write(first_name="Ada", last_name="Byron")
    with inside(acme):
        contacts.change_contact(contact, by=ann, first_name="Countess")

    named_contact = fetch(contact)

    assert (named_contact.first_name, named_contact.last_name) == ("Countess", "")
    assert named_contact.profile_picture_url


def test_open_browsers_are_told(write, sales):
    contact = write(first_name="Ada", last_name="Byron")
    with tenancy.system():
        events = Event.objects.filter(chatroom=sales.room)
        count_before = events.count()
        fetch(contact)
        assert events.count() > count_before
        count_before = events.count()
        fetch(contact)
        assert events.count() == count_before


def test_provider_that_is_away_is_asked_again(write, settings):
    contact = write(first_name="Ada", last_name="Byron")
    settings.META_GRAPH_BASE_URL = "http://127.0.0.1:9/graph"

    with pytest.raises(profiles.ProfilePostponed):
        fetch(contact)


def test_picture_that_can_not_be_had_keeps_no_name_away(write, settings):
    contact = write(first_name="Ada", last_name="Byron")
    settings.PUBLIC_BASE_URL = "http://elsewhere.example"  # the address is none of the provider's now

    named_contact = fetch(contact)

    assert (named_contact.first_name, named_contact.profile_picture_url) == ("Ada", "")


def test_rejected_token_pauses_the_account_and_is_tried_again(write, meta):
    contact = write(first_name="Ada", last_name="Byron")
    meta.post(f"/meta/pages/{PAGE}", token_valid=False)

    with pytest.raises(profiles.ProfilePostponed):
        fetch(contact)

    with tenancy.system():
        assert FacebookPage.objects.get(external_id=PAGE).paused_code == "190"


def test_contact_with_a_phone_only_has_no_profile(acme, sales, inside, settings):
    settings.META_GRAPH_BASE_URL = "http://127.0.0.1:9/graph"

    assert fetch(sales.contact).first_name == "Nina"
