"""How often a template was used, and when last: by whatever sends with it."""

import re

import pytest
from django.db import connection

from chatrooms import groups
from messagehub import sql
from messaging import payloads
from messaging.campaigns import feed, lifecycle
from messaging.message_templates import templates
from messaging.models import Campaign, Message, MessageTemplate
from messaging.sending import message_actions
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def hours(acme, inside) -> MessageTemplate:
    with inside(acme):
        return templates.create_template(acme.organization.pk, None, name="Hours", body="We open at nine.")


def count_uses(api, person, template) -> int:
    told = api(person).get(f"/api/templates/{template.pk}").json()
    assert (told["last_used_at"] is None) == (told["uses"] == 0)
    return told["uses"]


def send(api, person, held, **body) -> dict:
    answer = api(person).post("/api/messages/send", {"conversation_id": str(held.conversation.pk), **body})
    assert answer.status_code == 201, answer.content
    return answer.json()["message"]


def test_each_message_made_from_it_counts_once(api, ann, acme, sales, inside, hours):
    assert count_uses(api, ann, hours) == 0
    first = send(api, ann, sales, template_id=str(hours.pk))
    send(api, ann, sales, content="We open at nine, Nina.", used_template_id=str(hours.pk))
    send(api, ann, sales, content="We open at nine.")
    assert count_uses(api, ann, hours) == 2
    with inside(acme):
        Message.objects.filter(pk=first["id"]).update(status="failed")
        message_actions.retry_message(Message.objects.get(pk=first["id"]), by=ann)
    assert count_uses(api, ann, hours) == 3
    both = {"template_id": str(hours.pk), "used_template_id": str(hours.pk)}
    answer = api(ann).post("/api/messages/send", {"conversation_id": str(sales.conversation.pk), **both})
    assert answer.json()["error"]["fields"].keys() == {"used_template_id"}


def test_the_send_page_counts_only_where_it_used_the_text(api, browser, ann, sales, hours):
    def send_to(number: str, content: str) -> None:
        form = {"channel": sales.number.pk, "to": number, "template": hours.pk, "content": content}
        path = f"/send/?chatroom={sales.room.pk}"
        looked = browser(ann).post(path, {**form, "action": "preview"}).content.decode()
        hidden = {name: re.search(rf'name="{name}" value="([^"]+)"', looked)[1] for name in ("key", "seen")}
        assert browser(ann).post(path, {**form, "action": "send", **hidden}).status_code == 302

    send_to("+15550107777\n+15550107778", "")
    assert count_uses(api, ann, hours) == 2
    send_to("+15550107779", "Something else")
    assert count_uses(api, ann, hours) == 2


def test_each_message_of_a_campaign_counts_until_its_text_is_another(api, ann, acme, sales, inside, hours):
    with inside(acme):
        group = groups.create_group(sales.room, "All")
        groups.add_members(group, [sales.contact, factories.ContactFactory(chatroom=sales.room)])
    wanted = {"name": "Hours", "template_id": str(hours.pk), "group_ids": [str(group.pk)]}
    wanted |= {"chatroom_id": str(sales.room.pk), "sender_number_id": str(sales.number.pk)}
    drafts = [api(ann).post("/api/campaigns", wanted).json()["id"] for _ in range(2)]
    changed = api(ann).patch(f"/api/campaigns/{drafts[1]}", {"content": "We are closed."})
    assert changed.status_code == 200
    assert api(ann).patch(f"/api/campaigns/{drafts[0]}", {"content": hours.body}).status_code == 200
    with inside(acme):
        for pk in drafts:
            lifecycle.start_campaign(Campaign.objects.get(pk=pk), by=ann)
    while feed.feed_campaigns():
        pass
    with inside(acme):
        assert Message.objects.filter(campaign__in=drafts).count() == 4
    assert count_uses(api, ann, hours) == 2


def test_pages_tell_it_and_find_what_nobody_uses(api, browser, ann, acme, sales, inside, hours):
    with inside(acme):
        templates.create_template(acme.organization.pk, None, name="Old greeting", body="Good day")
    send(api, ann, sales, template_id=str(hours.pk))
    send(api, ann, sales, template_id=str(hours.pk))
    page = " ".join(browser(ann).get("/templates/").content.decode().split())
    assert "Used 2 times" in page
    assert "last today at" in page
    assert "Never used" in page
    unused = browser(ann).get("/templates/?state=unused").content.decode()
    assert ("Hours" in unused, "Old greeting" in unused) == (False, True)
    assert "Used 2 times" in " ".join(browser(ann).get(f"/templates/{hours.pk}/").content.decode().split())


def test_others_uses_are_not_counted_and_the_count_ends(acme, globex, elsewhere, sales, inside, hours):
    for held, owner in ((sales, acme), (elsewhere, globex)):
        with inside(owner):
            factories.MessageFactory.create_batch(
                3, conversation=held.conversation, direction="outbound", template_id=hours.pk
            )
    with inside(acme):
        assert payloads.count_template_uses([hours.pk])[hours.pk]["count"] == 3
        statement = payloads.TEMPLATE_USES.replace(f"LIMIT {payloads.MOST_USES}", "LIMIT 2")
        assert sql.fetch_rows(statement, [[hours.pk]])[0]["count"] == 2


def test_uses_are_counted_in_the_index_alone(acme, sales, inside, hours):
    with inside(acme):
        factories.MessageFactory.create_batch(40, conversation=sales.conversation)
    with inside(acme), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")
        cursor.execute(f"EXPLAIN {payloads.TEMPLATE_USES}", [[hours.pk]])
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "Index Only Scan using messages_of_template" in plan
