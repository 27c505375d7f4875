"""The demo's Facebook pages and its Instagram account, with people who write to them and weeks of talk.

Made once; a demo of an earlier release gets them at its next start.
"""

import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone

from accounts.models import Organization, User
from chatrooms.models import Chatroom, Contact, ContactActivity, ContactAddress
from integrations.meta.pages import PAGE_FIELDS
from integrations.models import Channel, FacebookPage, Platform
from integrations.sandbox import samples, store
from integrations.sandbox.graph.people import ATTACHMENTS
from messagehub import tenancy
from messagehub.images import picture_size
from messagehub.management.demo_page_words import PAGES, TALKS, DemoPage
from messagehub.management.demo_past import backdate, note_waiting_times
from messaging.contacts import profiles
from messaging.models import Attachment, Conversation, Message, ReadMarker
from tokens import ledger

WEBHOOK = "/api/webhooks/facebook"
LINE = re.compile(r"(?P<side>[<>=+@-])(?P<answers>\^?)(?:\[(?P<kind>\w+)\])?(?P<text>.*)", re.DOTALL)
PAUSES = {"d": timedelta(days=1), "h": timedelta(hours=1)}
GAPS = (3, 7, 2, 11, 5)  # minutes between lines


@dataclass(frozen=True)
class Sample:
    """Something that came along: what the provider calls it, and the sandbox's file of it."""

    kind: str
    name: str
    make: Callable[[], bytes] | None  # None where the provider had deleted it before it was copied
    type: str
    title: str = ""


SAMPLES = {
    "picture": Sample("image", "picture.png", samples.picture, "image/png"),
    "sticker": Sample("sticker", "sticker.png", samples.sticker, "image/png"),
    "voice": Sample("audio", "voice.wav", samples.voice, "audio/wav"),
    "share": Sample("share", "picture.png", samples.picture, "image/png", "Built-in shelf, 140 cm"),
    "mention": Sample("story", "story.png", samples.story, "image/png", "Mentioned you in a story"),
    "story": Sample("story", "story.png", samples.story, "image/png", "Replied to a story"),
    "oldstory": Sample("story", "story.png", None, "image/png", "Replied to a story"),
}
# Under which name the sandbox's people send it.
SENT_AS = {"image": "picture", "sticker": "sticker", "audio": "voice", "share": "share", "story": "story_mention"}


@dataclass
class Past:
    """What somebody's talk becomes, in memory until it is stored."""

    contact: Contact
    address: ContactAddress
    conversation: Conversation
    messages: list[Message]
    attachments: list[Attachment]


def make_pages() -> None:
    """Make the pages that no demo of this place has made yet."""
    for page in PAGES:
        with tenancy.system():
            organization = Organization.objects.get(slug=page.slug)
            if FacebookPage.objects.filter(external_id=page.page_id).exists():
                continue
        with tenancy.organization(organization.pk):
            room = Chatroom.objects.filter(archived_at=None).order_by("pk").first()
            if room:
                make_page(page, room)


def make_page(page: DemoPage, room: Chatroom) -> None:
    account = FacebookPage.objects.create(
        organization_id=room.organization_id,
        external_id=page.page_id,
        name=page.name,
        secret=page.token,
        has_human_agent=page.has_human_agent,
        checked_at=timezone.now(),
    )
    people = User.objects.filter(organization_id=room.organization_id, is_active=True, joined_at__isnull=False)
    admins = list(people.filter(role=User.Role.ADMIN).order_by("pk"))
    agent = people.filter(role=User.Role.AGENT, user_chatrooms__chatroom=room).order_by("pk").first()
    paid: list[Message] = []
    for platform, address in (
        (Platform.MESSENGER, page.page_id),
        (Platform.INSTAGRAM, page.instagram_account_id),
    ):
        if address:
            channel = Channel.objects.create(
                organization_id=room.organization_id,
                chatroom=room,
                account=account,
                platform=platform,
                address=address,
                name=page.instagram_username if platform == Platform.INSTAGRAM else page.name,
            )
            talks = TALKS[page.slug, platform.value]
            paid += store_past([read_talk(channel, agent, *talk) for talk in talks], [agent, *admins])
    if agent and admins and paid:
        ledger.adjust(agent, len(paid), actor=admins[0], reason="Welcome to the demo's pages")
        for message in sorted(paid, key=lambda message: message.occurred_at):
            ledger.debit(agent, 1, reference=f"message:{message.pk}")


# ---------------------------------------------------------------- a talk
def read_talk(
    channel: Channel, agent: User | None, first: str, last: str, username: str, minutes: int, lines: str
) -> Past:
    """A talk whose last line was so many minutes ago."""
    of = {"organization_id": channel.organization_id, "chatroom": channel.chatroom}
    contact = Contact(**of, first_name=first or username, last_name=last, name_source="provider")
    person_id = find_person_id(channel, f"{first} {last} {username}")
    picture_path = profiles.build_picture_path(channel.organization_id, contact.pk)
    contact.profile_picture_url = default_storage.save(picture_path, ContentFile(samples.face(person_id)))
    address = ContactAddress(
        **of, contact=contact, platform=channel.platform, address=person_id, is_primary=True, channel=channel
    )
    conversation = Conversation(**of, contact=contact, platform=channel.platform, channel=channel)
    past = Past(contact, address, conversation, [], [])
    for side, answers, kind, text, at in read_lines(lines, timezone.now() - timedelta(minutes=minutes)):
        if side == "+":
            past.messages[-1].reactions = [{"emoji": text, "by": "contact"}]
        else:
            add_line(past, channel, agent if side == ">" else None, side, text, at)
            message = past.messages[-1]
            if kind:
                past.attachments.append(build_attachment(message, SAMPLES[kind]))
            if answers:
                message.reply_to = [each for each in past.messages if each.direction != message.direction][-1]
    conclude(past, minutes)
    return past


def find_person_id(channel: Channel, name: str) -> str:
    """A scoped id as Meta's are, the same at each start."""
    return f"{channel.address[-5:]}{zlib.crc32(name.encode()):010d}"


def read_lines(lines: str, ended: datetime) -> Iterator[tuple[str, bool, str, str, datetime]]:
    """(side, whether it answers, attachment, text, time) of each line, the last at `ended`."""
    found, at = [], ended
    for place, line in enumerate(reversed(lines.split("|"))):
        side, answers, kind, text = LINE.fullmatch(line).groups("")  # type: ignore[union-attr]
        if side == "@":
            at -= int(text[:-1]) * PAUSES[text[-1]]
        else:
            found.append((side, bool(answers), kind, text, at))
        if side not in "+@":
            at -= timedelta(minutes=GAPS[place % len(GAPS)], seconds=17 * place % 60)
    yield from reversed(found)


def add_line(past: Past, channel: Channel, author: User | None, side: str, text: str, at: datetime) -> None:
    inbound, person_id = side in "<-", past.address.address
    is_instagram = channel.platform == Platform.INSTAGRAM
    message = Message(
        organization_id=channel.organization_id,
        chatroom=channel.chatroom,
        conversation=past.conversation,
        contact=past.contact,
        channel=channel,
        direction="inbound" if inbound else "outbound",
        platform=channel.platform,
        content=text,
        status="received" if inbound else "read",
        from_address=person_id if inbound else channel.address,
        to_address=channel.address if inbound else person_id,
        sent_by=author,
        tokens=1 if author else 0,
        occurred_at=at,
        sent_at=None if inbound else at + timedelta(seconds=1),
        delivered_at=None if inbound or is_instagram else at + timedelta(seconds=2),
        read_at=None if inbound else at + timedelta(minutes=1),
        deleted_at=at + timedelta(seconds=40) if side == "-" else None,
    )
    message.provider_id = f"m_{message.pk.hex}{channel.address}"
    past.messages.append(message)


def build_attachment(message: Message, sample: Sample) -> Attachment:
    content = sample.make() if sample.make else None
    size = content and picture_size(content)
    attachment = Attachment(
        organization_id=message.organization_id,
        message=message,
        kind=sample.kind,
        content_type=sample.type,
        source_url=f"{settings.PUBLIC_BASE_URL}/sandbox/graph/files/{sample.name}",
        name=sample.title,
        state="stored" if content else "failed",
        error="" if content else "The provider answered 404.",
        size=len(content) if content else None,
        width=size[1] if size else None,
        height=size[2] if size else None,
    )
    if content:
        path = f"{attachment.organization_id}/{attachment.pk}"
        attachment.file = default_storage.save(path, ContentFile(content))
    return attachment


def conclude(past: Past, minutes: int) -> None:
    """What the conversation's row says about its messages; the newest two are not read yet."""
    inbound = [message for message in past.messages if message.direction == "inbound"]
    conversation, last = past.conversation, past.messages[-1]
    conversation.last_message, conversation.last_message_at = last, last.occurred_at
    conversation.inbound_count, conversation.last_inbound_at = len(inbound), inbound[-1].occurred_at
    answered = max((message.occurred_at for message in past.messages if message not in inbound), default=None)
    waiting = [message for message in inbound if answered is None or message.occurred_at > answered]
    if waiting and minutes < 24 * 60:
        conversation.waiting_since = waiting[0].occurred_at
    elif minutes > 10 * 24 * 60:
        conversation.status, conversation.resolved_at = "CLOSED", last.occurred_at + timedelta(minutes=1)
    past.contact.last_activity_at = conversation.last_inbound_at


def store_past(pasts: Sequence[Past], readers: Sequence[User | None]) -> list[Message]:
    """Store the talks; returns the messages that are still to be paid."""
    messages = [message for past in pasts for message in past.messages]
    contacts = [past.contact for past in pasts]
    markers = [
        ReadMarker(
            organization_id=past.contact.organization_id,
            user=reader,
            conversation=past.conversation,
            up_to=past.messages[-1],
            seen_count=past.conversation.inbound_count - (1 if past.conversation.waiting_since else 0),
        )
        for past in pasts
        for reader in readers
        if reader
    ]
    activities = [
        ContactActivity(
            organization_id=past.contact.organization_id, contact=past.contact, kind=kind, reference=reference
        )
        for past in pasts
        for kind, reference in (("created", past.contact.pk), ("conversation_opened", past.conversation.pk))
    ]
    Contact.objects.bulk_create(contacts)
    ContactAddress.objects.bulk_create([past.address for past in pasts])
    ContactActivity.objects.bulk_create(activities)
    Conversation.objects.bulk_create([past.conversation for past in pasts])
    note_waiting_times(messages)
    Message.objects.bulk_create(messages)
    Attachment.objects.bulk_create([attachment for past in pasts for attachment in past.attachments])
    ReadMarker.objects.bulk_create(markers)
    backdate(messages, contacts)
    return [message for message in messages if message.tokens]


# ---------------------------------------------------------------- the sandbox's Graph
def register_pages(base_url: str) -> None:
    """Open the app, its pages and their people at the sandbox, with the addresses of this start's port."""
    store.add_app(settings.META_APP_ID, settings.META_APP_SECRET, base_url + WEBHOOK, settings.META_VERIFY_TOKEN)
    for page in PAGES:
        store.add_page(
            page.page_id,
            page.name,
            page.token,
            settings.META_APP_ID,
            instagram_account_id=page.instagram_account_id,
            instagram_username=page.instagram_username,
            subscribed_fields=PAGE_FIELDS,
            human_agent=page.has_human_agent,
        )
        with tenancy.system():
            channels = list(Channel.every.filter(account__external_id=page.page_id))
        for channel in channels:
            register_people(channel, TALKS[page.slug, channel.platform], base_url)


def register_people(channel: Channel, talks: Sequence[tuple], base_url: str) -> None:
    """The people of the talks, and what they and the page wrote as this place has it."""
    people = {find_person_id(channel, f"{first} {last} {name}"): (first, last, name) for first, last, name, *_ in talks}
    for person_id, (first, last, username) in people.items():
        store.add_person(channel.address, person_id, first_name=first, last_name=last, username=username)
    with tenancy.organization(channel.organization_id):
        messages = Message.objects.filter(channel=channel, provider_id__endswith=channel.address, deleted_at=None)
        rows = list(messages.prefetch_related("attachments").select_related("reply_to").order_by("occurred_at"))
    store.add_past_messages(channel.address, [describe_past(row, base_url) for row in rows])


def describe_past(message: Message, base_url: str) -> dict:
    """As `integrations.sandbox.graph.tables.save_message` takes it."""
    files = f"{base_url}/sandbox/graph/files"
    attachments = [ATTACHMENTS[SENT_AS[each.kind]](files) for each in message.attachments.all()]
    extra: dict = {"reply_to": {"mid": message.reply_to.provider_id}} if message.reply_to else {}
    if message.content and attachments and attachments[0]["type"] == "story_mention":
        extra = {"reply_to": {"story": {"id": "17900000000000001", **attachments.pop()["payload"]}}}
    inbound = message.direction == "inbound"
    return {
        "mid": message.provider_id,
        "person_id": message.from_address if inbound else message.to_address,
        "direction": message.direction,
        "text": message.content,
        "attachments": attachments,
        "extra": extra,
        "source": "person" if inbound else "api" if message.sent_by_id else "inbox",
        "status": message.status,
        "reaction": next((reaction["emoji"] for reaction in message.reactions), ""),
        "created_at": message.occurred_at.timestamp(),
    }


def list_demo_pages() -> dict:
    """What `.local/demo.json` says about Meta: secrets to sign with, and the pages that are still there."""
    with tenancy.system():
        channels = list(
            Channel.objects.filter(account__external_id__in=[page.page_id for page in PAGES])
            .filter(platform=Platform.MESSENGER)
            .order_by("pk")
        )
    page_of = {page.page_id: page for page in PAGES}
    return {
        "app_id": settings.META_APP_ID,
        "app_secret": settings.META_APP_SECRET,
        "verify_token": settings.META_VERIFY_TOKEN,
        "pages": [
            {
                "page_id": channel.address,
                "page_name": page_of[channel.address].name,
                "instagram_account_id": page_of[channel.address].instagram_account_id,
                "chatroom_id": str(channel.chatroom_id),
            }
            for channel in channels
        ],
    }
