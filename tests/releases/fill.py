"""A day of two organizations, lived through the product's own doors: a row in every table, and all adds up."""

from urllib.parse import urlencode
from uuid import uuid4

from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from accounts import saved_views
from chatrooms import groups
from integrations import web_push
from integrations.events import Accepted
from integrations.models import WebhookEvent
from messagehub import tenancy
from messaging.campaigns import feed
from messaging.contacts import bulk, contact_listing, imports, merging
from messaging.media import uploads
from messaging.notifications import push
from messaging.receiving import ingest
from messaging.sending import delivery
from messaging.statistics import counts
from tests import factories
from tokens import proof


class Day:
    """An organization with an admin, an agent and one chatroom, and what happens there."""

    def __init__(self, name: str, place: int) -> None:
        self.organization = factories.OrganizationFactory(name=name, slug=name.lower())
        self.phone, self.customers = f"+1415555{place}000", [f"+1415555{place}{n:03d}" for n in range(1, 5)]
        with tenancy.organization(self.organization.pk):
            self.admin, self.agent = (
                factories.UserFactory(organization=self.organization, role=role, email=f"{role}@{name.lower()}.example")
                for role in ("admin", "agent")
            )
            self.room = factories.ChatroomFactory(organization=self.organization, name="Sales")
            self.number = factories.ChannelFactory(chatroom=self.room, address=self.phone)
            self.account = self.number.account.external_id
            factories.UserChatroomFactory(user=self.agent, chatroom=self.room)
            factories.TokenAccountFactory(user=self.agent)

    def live(self) -> None:
        self.as_admin, self.as_agent = (self.sign_in(person.email) for person in (self.admin, self.agent))
        self.set_up()
        self.receive()
        self.answer()
        counts.update_counts()
        self.send_a_campaign()
        self.deliver()
        self.merge_two()
        self.change_many()
        self.turn_on_notifications()

    def sign_in(self, email: str) -> APIClient:
        given = {"email": email, "password": factories.PASSWORD}
        answer = APIClient().post("/api/auth/login", given, headers={"User-Agent": "A browser"})
        return APIClient(headers={"Authorization": f"Bearer {answer.json()['token']}"})

    def set_up(self) -> None:
        give = {"user_id": self.agent.pk, "delta": 50, "reason": "Welcome"}
        self.ask(self.as_admin, "patch", "tokens/update", give)
        self.ask(self.as_admin, "patch", "settings", {"refund_policy": "undelivered", "default_country": "US"})
        self.ask(self.as_admin, "post", "keys", {"name": "Report", "scopes": ["read"]})
        self.label = self.ask(self.as_admin, "post", "labels", {"name": "VIP"})
        self.ask(self.as_agent, "post", "templates", {"name": "Hours", "body": "Nine to five", **self.here})

    def receive(self) -> None:
        for customer in self.customers:
            self.webhook("twilio.message", From=customer, To=self.phone, Body="Hello")
        media = {"NumMedia": "1", "MediaUrl0": "https://api.twilio.com/media/1", "MediaContentType0": "image/png"}
        self.webhook("twilio.message", From=self.customers[0], To=self.phone, Body="", **media)
        self.webhook("twilio.message", From=self.customers[3], To=self.phone, Body="STOP")
        self.webhook("twilio.message", From=self.customers[1], To=self.phone, Body="Take me off your list")
        ingest.drain_webhooks()

    def answer(self) -> None:
        conversations = self.ask(self.as_agent, "get", "conversations")["results"]
        of = {each["contact"]["phone"]: each["id"] for each in conversations}
        first = f"conversations/{of[self.customers[0]]}"
        changes = {"assigned_to": self.agent.pk, "labels": [self.label["id"]]}
        self.ask(self.as_agent, "patch", first, changes)
        self.ask(self.as_agent, "post", f"{first}/notes", {"content": "A regular", "mentions": [self.admin.pk]})
        newest = self.ask(self.as_agent, "get", f"{first}/messages")["results"][0]
        self.ask(self.as_agent, "post", f"{first}/read", {"up_to": newest["id"]})
        for customer in self.customers[:3]:
            reply = {"conversation_id": of[customer], "content": "How can we help?"}
            self.ask(self.as_agent, "post", "messages/send", reply, {"Idempotency-Key": str(uuid4())})

    def send_a_campaign(self) -> None:
        contacts = self.ask(self.as_agent, "get", "contacts")["results"]
        group = self.ask(self.as_agent, "post", "groups", {"name": "Regulars", **self.here})
        members = {"contact_ids": [each["id"] for each in contacts]}
        self.ask(self.as_agent, "post", f"groups/{group['id']}/members", members)
        to = {"group_ids": [group["id"]], "sender_number_id": self.number.pk, **self.here}
        campaign = self.ask(self.as_agent, "post", "campaigns", {"name": "Spring", "content": "Sale!", **to})
        self.ask(self.as_agent, "post", f"campaigns/{campaign['id']}/start", {})
        while feed.feed_campaigns():
            pass

    def deliver(self) -> None:
        """Everything that waits is handed over; one message arrives and one does not."""
        sent = [(claimed, Accepted(f"SM{uuid4().hex}")) for claimed in delivery.claim_messages(100)]
        delivery.settle_outcomes(sent)
        (_, arrived), (_, lost), *_ = sent
        self.webhook("twilio.status", MessageSid=arrived.provider_id, MessageStatus="delivered")
        self.webhook("twilio.status", MessageSid=lost.provider_id, MessageStatus="undelivered", ErrorCode="30022")
        ingest.drain_webhooks()

    def merge_two(self) -> None:
        with tenancy.organization(self.organization.pk):
            kept, lost = (self.room.contacts.get(phone=phone) for phone in self.customers[1:3])
            merging.merge_contacts(kept, lost, by=self.agent)

    def change_many(self) -> None:
        content = f"Name,Phone\nAda,{self.phone[:-3]}901\nNobody,1\n".encode()
        with tenancy.organization(self.organization.pk):
            group = groups.create_group(self.room, "Everyone")
            bulk.add_selected_to_group(group, contact_listing.build_match(self.agent), by=self.agent)
            contact_import = imports.create_import(self.room, "people.csv", content, by=self.agent)
            saved_views.save_view(self.agent, page="contacts", name="Mine", query=f"group_id={group.pk}")
            imports.start_import(contact_import, ["name", "phone"], "US", group, by=self.agent)
        imports.run_import(contact_import.pk)

    def turn_on_notifications(self) -> None:
        browser = web_push.Browser("https://fcm.googleapis.com/x", web_push.public_key(), "c2l4dGVlbiBieXRlcyEhIQ")
        with tenancy.organization(self.organization.pk):
            push.subscribe_browser(self.agent, uuid4(), browser, [self.room])

    def leave_one_waiting(self) -> None:
        card = SimpleUploadedFile("card.vcf", b"BEGIN:VCARD\nFN:Shop\nEND:VCARD\n")
        with tenancy.organization(self.organization.pk):
            upload = uploads.store_upload(self.room, card, name="card.vcf", by=self.agent)
        media = [{"id": str(upload.pk)}]
        waiting = {"to": self.customers[0], "content": "One more thing", "media": media, **self.here}
        self.ask(self.as_agent, "post", "messages/send", waiting)

    # ------------------------------------------------------------ by which door
    @property
    def here(self) -> dict:
        return {"chatroom_id": self.room.pk}

    def ask(self, client: APIClient, verb: str, route: str, given: dict | None = None, headers: dict | None = None):
        answer = getattr(client, verb)(f"/api/{route}", given or {}, headers=headers or {})
        assert answer.status_code < 300, (route, answer.content)
        return answer.json()

    def webhook(self, source: str, **fields: str) -> None:
        fields = {"MessageSid": f"SM{uuid4().hex}", "AccountSid": self.account, **fields}
        with tenancy.system():
            WebhookEvent.objects.create(
                source=source, account=self.account, dedupe_key=str(uuid4()), body=urlencode(fields).encode()
            )


def fill_every_table() -> None:
    days = [Day(name, place) for place, name in enumerate(("Acme", "Globex"), start=1)]
    for day in days:
        day.live()
    for day in days:
        day.leave_one_waiting()
    proof.run_proof()
