"""A campaign of Bo, who has ten tokens, to a crowd of so many, and looks at what became of it."""

import pytest

from accounts.models import User
from chatrooms import groups
from chatrooms.models import Group
from integrations.models import Channel
from messagehub import tenancy
from messaging.campaigns import lifecycle
from messaging.models import Campaign, Message
from tests import factories
from tokens import proof
from tokens.models import TokenAccount


@pytest.fixture(autouse=True)
def _everything_adds_up(request):
    yield
    if "draft" in request.fixturenames:
        broken = {each.invariant for each in proof.find_broken()}
        assert broken <= {"A conversation counts what came in"}  # the cast's own messages are put there by hand


@pytest.fixture
def crowd(acme, sales, inside):
    """A group of so many contacts in Sales."""

    def gather(count: int, **values):
        with inside(acme):
            group = groups.create_group(sales.room, f"Crowd {Group.objects.count()}")
            groups.add_members(group, factories.ContactFactory.create_batch(count, chatroom=sales.room, **values))
        return group

    return gather


@pytest.fixture
def draft(acme, sales, rich, inside):
    """A campaign of Bo, who has ten tokens."""

    def make(
        *to, content: str = "Hello {{first_name}}", by: User | None = None, channel: Channel | None = None, **values
    ) -> Campaign:
        with inside(acme):
            return lifecycle.create_campaign(
                sales.room,
                name="Spring",
                content=content,
                channel=channel or sales.number,
                groups=to,
                by=by or rich,
                **values,
            )

    return make


@pytest.fixture
def do(acme, rich, inside):
    """Start, pause, resume or cancel as Bo, unless somebody else is named."""

    def act(name: str, campaign: Campaign, by: User | None = None) -> Campaign:
        with inside(acme):
            return getattr(lifecycle, f"{name}_campaign")(campaign, by=by or rich)

    return act


@pytest.fixture
def counts(acme, inside):
    def look(campaign: Campaign) -> dict[str, int]:
        with inside(acme):
            return lifecycle.count_outcomes(campaign)[0]

    return look


@pytest.fixture
def fresh(acme, inside):
    def look(campaign: Campaign) -> Campaign:
        with inside(acme):
            return Campaign.objects.select_related("started_by").get(pk=campaign.pk)

    return look


@pytest.fixture
def tokens(acme, rich, inside):
    def look() -> tuple[int, int]:
        with inside(acme):
            return TokenAccount.objects.values_list("balance", "reserved").get(user=rich)

    return look


def become(status: str, campaign: Campaign, most: int | None = None) -> None:
    """As if the provider had taken all that is queued, or so many."""
    with tenancy.system():
        queued = Message.objects.filter(campaign=campaign, status__in=["queued", "sending"]).order_by("pk")
        for pk in queued.values_list("pk", flat=True)[:most]:
            Message.objects.filter(pk=pk).update(
                status=status, provider_id=None if status == "unknown" else f"SM{pk.hex}"
            )
