"""Rows for tests. Made inside `tenancy.organization(...)`, or PostgreSQL refuses them."""

from datetime import datetime, timedelta

import factory
from django.utils import timezone

from accounts.models import Organization, User
from chatrooms.models import Chatroom, Contact, UserChatroom
from integrations.models import Channel, FacebookPage, TwilioAccount
from messagehub import tenancy
from messaging.models import Conversation, Label, Message, MessageTemplate, OptOutOffer, Upload
from tokens.models import TokenAccount

PASSWORD = "correct-horse-battery"


class OrganizationFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Organization

    name = factory.Sequence("Organization {}".format)
    slug = factory.Sequence("organization-{}".format)

    @classmethod
    def _create(cls, model_class, *args, **kwargs):
        """An organization sees only its own row, so that row can only be made inside it."""
        made = model_class(*args, **kwargs)
        with tenancy.organization(made.pk):
            made.save(force_insert=True)
        return made


class UserFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = User

    organization = factory.SubFactory(OrganizationFactory)
    name = factory.Sequence("Person {}".format)
    email = factory.Sequence("person{}@example.com".format)
    role = "agent"
    password = PASSWORD

    @classmethod
    def _create(cls, model_class, *args, **kwargs):
        return model_class.objects.create_user(*args, **kwargs)


class ChatroomFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Chatroom

    name = factory.Sequence("Room {}".format)


class InRoomFactory(factory.django.DjangoModelFactory):
    """Something of a chatroom, in the chatroom's organization."""

    class Meta:
        abstract = True

    organization_id = factory.SelfAttribute("chatroom.organization_id")


class UserChatroomFactory(InRoomFactory):
    class Meta:
        model = UserChatroom


class UploadFactory(InRoomFactory):
    """A row without its file, unless one is given."""

    class Meta:
        model = Upload

    name = "oak.png"
    content_type = "image/png"
    size = 1200
    width, height = 40, 30
    file = "nowhere"


class TokenAccountFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = TokenAccount

    organization_id = factory.SelfAttribute("user.organization_id")


class TwilioAccountFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = TwilioAccount

    external_id = factory.Sequence("AC{:032x}".format)
    secret = factory.Sequence("{:032x}".format)


class ChannelFactory(InRoomFactory):
    class Meta:
        model = Channel

    account = factory.SubFactory(
        TwilioAccountFactory, organization_id=factory.SelfAttribute("..chatroom.organization_id")
    )
    address = factory.Sequence("+1555300{:04d}".format)


class FacebookPageFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = FacebookPage

    external_id = factory.Sequence("10770000{:04d}".format)
    name = "Acme"
    secret = factory.Sequence("EAA{:032x}".format)


class PageChannelFactory(InRoomFactory):
    """A page's Messenger; with `platform="INSTAGRAM"` its Instagram account."""

    class Meta:
        model = Channel

    account = factory.SubFactory(
        FacebookPageFactory, organization_id=factory.SelfAttribute("..chatroom.organization_id")
    )
    platform = "MESSENGER"
    address = factory.SelfAttribute("account.external_id")
    name = "Acme"


class ContactFactory(InRoomFactory):
    class Meta:
        model = Contact

    phone = factory.Sequence("+1555400{:04d}".format)
    first_name = "Nina"
    last_name = "Okafor"


class ConversationFactory(InRoomFactory):
    class Meta:
        model = Conversation

    contact = factory.SubFactory(ContactFactory, chatroom=factory.SelfAttribute("..chatroom"))
    channel = factory.SubFactory(ChannelFactory, chatroom=factory.SelfAttribute("..chatroom"))
    platform = "SMS"


def reach_contact(contact: Contact, page: Channel, address: str, *, last_word: datetime | None = None) -> Conversation:
    """Make a page know the contact by this id, as who wrote to it last at `last_word`, or just now."""
    contact.addresses.create(
        organization_id=page.organization_id, chatroom_id=page.chatroom_id, platform=page.platform, address=address,
        channel=page, is_primary=True,
    )  # fmt: skip
    return ConversationFactory(
        chatroom=page.chatroom, contact=contact, channel=page, platform=page.platform,
        last_inbound_at=last_word or timezone.now(),
    )  # fmt: skip


class MessageFactory(factory.django.DjangoModelFactory):
    """A message of a conversation, and its newest one."""

    class Meta:
        model = Message
        skip_postgeneration_save = True

    organization_id = factory.SelfAttribute("conversation.organization_id")
    chatroom_id = factory.SelfAttribute("conversation.chatroom_id")
    contact_id = factory.SelfAttribute("conversation.contact_id")
    channel_id = factory.SelfAttribute("conversation.channel_id")
    platform = "SMS"
    direction = "inbound"
    status = "received"
    content = "Hello"
    from_address = "+15554000000"
    to_address = "+15553000000"
    occurred_at = factory.LazyFunction(timezone.now)

    @factory.post_generation
    def newest(self, create, extracted, **kwargs):
        Conversation.objects.filter(pk=self.conversation_id).update(last_message=self, last_message_at=self.occurred_at)


class OptOutOfferFactory(factory.django.DjangoModelFactory):
    """An open offer for a message that came in."""

    class Meta:
        model = OptOutOffer

    organization_id = factory.SelfAttribute("message.organization_id")
    channel_id = factory.SelfAttribute("message.channel_id")
    address = factory.SelfAttribute("message.from_address")
    due_at = factory.LazyFunction(lambda: timezone.now() + timedelta(days=14))


class LabelFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Label

    name = factory.Sequence("Label {}".format)


class MessageTemplateFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = MessageTemplate

    name = factory.Sequence("Template {}".format)
    body = "Hello {{first_name}}"
