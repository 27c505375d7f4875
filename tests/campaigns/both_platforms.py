"""A campaign on each platform, both under way at once: to new phones, and to people who just wrote to a page.

Workers are killed meanwhile, the page's token is taken away and put back, and some of the last recipients opt out. The
environment says how large it is; docs/reliability.md has the command for 10,000.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from operator import itemgetter
from urllib.parse import urlencode
from uuid import UUID, uuid4

from django.utils import timezone

from chatrooms import groups
from chatrooms.models import Contact, Group
from integrations import health
from integrations.models import Channel, ProviderAccount, WebhookEvent
from messagehub import tenancy
from messaging.campaigns import lifecycle
from messaging.models import Campaign, ConsentEntry, Message
from messaging.sending import reconciliation
from tests.desk import Desk
from tests.meta_desk import add_people, connect_page
from tests.meta_events import build_batch, build_text
from tests.receiving.meta.conftest import store_batch
from tokens import ledger

SIZE = int(os.environ.get("CAMPAIGN_SIZE", "120"))  # recipients, half of them on each platform
KILLS = int(os.environ.get("CAMPAIGN_KILLS", "1"))
OPT_OUTS = int(os.environ.get("CAMPAIGN_OPT_OUTS", "6"))
RATE = max(15, SIZE // 100)  # messages a second on each platform: so it lasts long enough for all that happens
Recipient = tuple[Channel, str]  # and where it reaches them


@dataclass
class Run:
    desk: Desk
    page: Channel
    campaigns: list[Campaign]
    stopped_at: dict[tuple[UUID, str], datetime | None] = field(default_factory=dict)  # None until it is written down
    token: str = "good"

    @property
    def number(self) -> Channel:
        return self.desk.tenant["number"]

    @property
    def messages(self):
        return Message.objects.filter(campaign__in=self.campaigns)

    def plan(self, kill: Callable[[], None]) -> list[tuple[int, Callable[[], None]]]:
        """What happens once so many messages were handed over, in this order."""
        kills = [(SIZE * n // (KILLS + 1), kill) for n in range(1, KILLS + 1)]
        stops = [
            (SIZE * n // (2 * OPT_OUTS), partial(self.write_stop, *who)) for n, who in enumerate(self.choose_last())
        ]
        return sorted([(SIZE // 10, self.take_token_away), *kills, *stops], key=itemgetter(0))

    def choose_last(self) -> Iterator[Recipient]:
        """Whose turn comes last, on one platform and the other."""
        with tenancy.system():
            last = [list(each.recipients.order_by("-pk").values_list("address", flat=True)) for each in self.campaigns]
        channels = [each.channel for each in self.campaigns]
        return ((channels[n % 2], last[n % 2][n // 2]) for n in range(OPT_OUTS))

    def write_stop(self, channel: Channel, address: str) -> None:
        """Its webhook as the intake stores it. The sandbox does not know, so it would take a message to them."""
        self.stopped_at[channel.pk, address] = None
        if channel == self.page:
            store_batch(build_batch((channel.address, [build_text(channel.address, "STOP", person=address)])))
            return
        form = {"MessageSid": f"SM{uuid4().hex}", "From": address, "To": channel.address, "Body": "STOP"}
        with tenancy.system():
            WebhookEvent.objects.create(
                source="twilio.message", account=self.desk.account, dedupe_key=form["MessageSid"],
                body=urlencode(form).encode(),
            )  # fmt: skip

    def take_token_away(self) -> None:
        self._switch_token(valid=False)

    def watch(self) -> None:
        """Put the token back once it is missed, and note from when on an opt-out holds."""
        with tenancy.system():
            is_paused = ProviderAccount.objects.filter(pk=self.page.account_id, paused_at__isnull=False).exists()
            written = set(ConsentEntry.objects.values_list("channel_id", "address"))
        if self.token == "away" and is_paused:
            self._switch_token(valid=True)
        if self.token == "back" and is_paused:
            health.probe()
        for who, at in self.stopped_at.items():
            if at is None and who in written:
                self.stopped_at[who] = timezone.now()

    def _switch_token(self, *, valid: bool) -> None:
        self.token = "back" if valid else "away"
        self.desk.sandbox.post(f"/meta/pages/{self.page.address}", token_valid=valid)

    def count_handed_over(self) -> int:
        with tenancy.system():
            return self.messages.filter(attempt__gt=0).count()

    def count_unknown(self) -> int:
        reconciliation.reconcile_unknown()
        with tenancy.system():
            return self.messages.filter(status="unknown").count()

    def list_taken(self) -> list[tuple[tuple[UUID, str], datetime]]:
        """Whom each message that the providers took went to, and when, in their own words."""
        texts = self.desk.sandbox.accepted(self.desk.account)
        answers = self.desk.sandbox.accepted_by_graph(self.page.address)
        return [
            ((self.number.pk, each["to"]), parsedate_to_datetime(each["date_created"]).astimezone(UTC))
            for each in texts
        ] + [((self.page.pk, each["person_id"]), datetime.fromisoformat(each["created_at"])) for each in answers]


def begin(desk: Desk) -> Run:
    """Both campaigns of the desk's agent, who has a token for each recipient."""
    room, count = desk.tenant["room"], SIZE // 2
    page = connect_page(desk.sandbox, room)
    people = add_people(desk.sandbox, page, [f"88{n:014}" for n in range(count)])
    with tenancy.organization(room.organization_id):
        Channel.objects.filter(chatroom=room).update(segments_per_second=RATE)
        ledger.set_balance(desk.agent, 2 * count, actor=desk.agent, reason="One each")
        phones = Contact.objects.bulk_create(
            Contact(organization=room.organization, chatroom=room, phone=f"+1555{n:07}", first_name=f"N{n}")
            for n in range(count)
        )
        campaigns = [
            _start(desk, channel, _gather(room, f"On {channel.platform}", members))
            for channel, members in ((desk.tenant["number"], phones), (page, people))
        ]
    return Run(desk, page, campaigns)


def _gather(room, name: str, members: list[Contact]) -> Group:
    group = groups.create_group(room, name)
    groups.add_members(group, members)
    return group


def _start(desk: Desk, channel: Channel, group: Group) -> Campaign:
    draft = lifecycle.create_campaign(
        desk.tenant["room"], name=group.name, content="Hello {{first_name}}", channel=channel, groups=[group],
        by=desk.agent,
    )  # fmt: skip
    return lifecycle.start_campaign(draft, by=desk.agent)
