"""The lists: contacts, their import, groups, and the message log."""

from playwright.sync_api import Page, expect

from tests.e2e.scenes import Stage, scene

PEOPLE = """Full name,Mobile,E-mail,Notes
Imogen Clarke,+44 7700 900218,imogen@example.com,called twice
Tariq Aziz,07700 900219,,
Too short,0770,,
Imogen again,07700 900218,,
"""


def contact_rows(page: Page, stage: Stage, query: str = "") -> None:
    page.goto(f"{stage.url}/contacts/{query}")


@scene("dana")
def contacts(page: Page, stage: Stage) -> None:
    contact_rows(page, stage)


@scene("dana")
def contacts_selected(page: Page, stage: Stage) -> None:
    contact_rows(page, stage, "?platform=SMS")
    for place in (1, 2, 4):
        page.locator("[name=selected]").nth(place).check()


@scene("dana")
def contacts_opt_out(page: Page, stage: Stage) -> None:
    contacts_selected(page, stage)
    page.get_by_role("button", name="Opt out").click()
    page.get_by_role("button", name="Opt out 3 contacts").click()
    expect(page.get_by_text("Say why.")).to_be_visible()


@scene()
def contacts_nothing_found(page: Page, stage: Stage) -> None:
    contact_rows(page, stage, "?search=zzzz&consent=opted_in")


@scene("noor")
def contacts_without_chatroom(page: Page, stage: Stage) -> None:
    contact_rows(page, stage)


@scene()
def contacts_new_refused(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.url}/contacts/new/")
    page.get_by_label("Phone").fill("12")
    page.get_by_role("button", name="Create contact").click()


@scene("dana")
def contacts_duplicates(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.url}/contacts/duplicates/")


def upload(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.url}/contacts/imports/")
    page.get_by_label("File").set_input_files(
        {"name": "spring-leads.csv", "mimeType": "text/csv", "buffer": PEOPLE.encode()}
    )
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_role("heading", name="Preview")).to_be_visible()


@scene(height=1300)
def import_columns(page: Page, stage: Stage) -> None:
    upload(page, stage)


@scene(height=1100)
def import_done(page: Page, stage: Stage) -> None:
    upload(page, stage)
    page.get_by_role("button", name="Import contacts").click()
    expect(page.get_by_text("Imported", exact=True)).to_be_visible(timeout=20_000)


@scene("dana")
def groups(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.url}/groups/")


def open_group(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.url}/groups/")
    page.get_by_role("link", name="Regulars").first.click()
    expect(page.get_by_role("heading", name="Regulars")).to_be_visible()


@scene()
def group(page: Page, stage: Stage) -> None:
    open_group(page, stage)


@scene()
def group_deleted(page: Page, stage: Stage) -> None:
    open_group(page, stage)
    page.get_by_role("link", name="Delete").click()


@scene("dana")
def messages(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.url}/messages/")


def change_one(stage: Stage, place: int, status: str, code: str) -> str:
    """The id of a message that is left in this state."""
    return stage.python(f"""
message = Message.objects.filter(direction="outbound", status="delivered").order_by("-occurred_at")[{place}]
Message.objects.filter(pk=message.pk).update(
    status={status!r}, error_code={code!r}, delivered_at=None, attempt=1, attempted_at=message.created_at)
if {code!r}:
    MessageReceipt.objects.create(
        organization=northbeam, message=message, status={status!r}, error_code={code!r})
print(json.dumps(str(message.pk)))
""")


def unknown_message(stage: Stage) -> str:
    return change_one(stage, 3, "unknown", "")


def failed_message(stage: Stage) -> str:
    return change_one(stage, 5, "undelivered", "30003")


@scene("dana")
def message_unknown(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.url}/messages/{stage.once(unknown_message)}/")


@scene("dana")
def message_failed(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.url}/messages/{stage.once(failed_message)}/")
