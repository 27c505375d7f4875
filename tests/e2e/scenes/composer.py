"""The box below a thread: replies, notes, templates, later, and why something may not be sent."""

from playwright.sync_api import Page, expect

from tests.e2e.scenes import Stage, scene
from tests.e2e.scenes.made import never, plain, rich


@scene()
def composer_reply(page: Page, stage: Stage) -> None:
    stage.thread(page, stage.once(rich))
    page.locator("#reply").fill(
        "Hi Amelia, resending in case it didn't reach you: tomorrow, 14:00 to 16:00, fitter is Callum."
    )


@scene()
def composer_unicode(page: Page, stage: Stage) -> None:
    stage.thread(page, stage.once(plain))
    page.locator("#reply").fill("We’ll call you “soon” – promised")


@scene()
def composer_long(page: Page, stage: Stage) -> None:
    stage.thread(page, stage.once(plain))
    page.locator("#reply").fill("Thank you for asking about the table. " * 12)


@scene()
def composer_too_long(page: Page, stage: Stage) -> None:
    stage.thread(page, stage.once(plain))
    page.locator("#reply").fill("Thank you for asking about the table. " * 50)
    page.keyboard.press("Enter")
    expect(page.locator("#send-error")).to_be_visible()


@scene()
def composer_note(page: Page, stage: Stage) -> None:
    stage.thread(page, stage.once(rich))
    page.locator(".mode label", has_text="Note").click()
    page.locator("#composer textarea").fill("Spare legs are in Leicester. I ask them.")


@scene()
def composer_mention(page: Page, stage: Stage) -> None:
    stage.thread(page, stage.once(plain))
    page.locator(".mode label", has_text="Note").click()
    page.locator("#composer textarea").press_sequentially("Is this one yours, @")
    expect(page.get_by_role("option", name="Dana Reyes")).to_be_visible()


@scene()
def composer_templates(page: Page, stage: Stage) -> None:
    stage.thread(page, stage.once(plain))
    page.locator("#reply").press_sequentially("/")
    expect(page.get_by_role("option", name="Opening hours")).to_be_visible()


@scene()
def composer_no_template(page: Page, stage: Stage) -> None:
    stage.thread(page, stage.once(plain))
    page.locator("#reply").press_sequentially("/")
    expect(page.get_by_role("option", name="Opening hours")).to_be_visible()
    page.keyboard.type("nothing like this")


@scene()
def composer_templates_loading(page: Page, stage: Stage) -> None:
    stage.thread(page, stage.once(plain))
    page.route("**/templates/", never)
    page.locator("#open-templates").click()
    page.wait_for_timeout(400)


@scene()
def composer_blank_to_fill(page: Page, stage: Stage) -> None:
    stage.thread(page, stage.once(plain))
    page.locator("#reply").press_sequentially("/")
    expect(page.get_by_role("option", name="Ask for a photo")).to_be_visible()
    page.keyboard.press("Enter")
    page.wait_for_timeout(200)
    page.keyboard.press("Enter")
    expect(page.locator("#send-error")).to_be_visible()


@scene()
def composer_later(page: Page, stage: Stage) -> None:
    stage.thread(page, stage.once(plain))
    page.locator("#reply").fill("Good morning")
    page.locator("#later summary").click()


@scene()
def composer_scheduled(page: Page, stage: Stage) -> None:
    stage.thread(page, stage.talk("Answer me tomorrow"))
    page.locator("#reply").fill("Good morning, your table is ready.")
    page.locator("#later summary").click()
    page.locator("#later").get_by_role("button", name="Tomorrow morning").click()
    expect(page.locator(".msg.out.scheduled")).to_contain_text("Scheduled for")


@scene()
def composer_scheduled_change(page: Page, stage: Stage) -> None:
    composer_scheduled(page, stage)
    page.locator(".msg.out.scheduled summary").click()


@scene()
def composer_blocked(page: Page, stage: Stage) -> None:
    talk = stage.talk("You will hear from my lawyer")
    stage.client("maya").patch(f"/api/contacts/{talk['contact']['id']}", json={"blocked": True})
    stage.thread(page, talk)


@scene()
def composer_opted_out(page: Page, stage: Stage) -> None:
    stage.thread(page, stage.talk("No more adverts please", "STOP"))


@scene("leo")
def composer_quiet_hours(page: Page, stage: Stage) -> None:
    ines, leo = stage.client("ines"), stage.client("leo")
    old = leo.read("/api/conversations", status="OPEN")["results"][-1]
    all_day = {"from": "00:00", "until": "23:59"}
    ines.patch("/api/settings", json={"quiet_hours": all_day, "quiet_hours_for_people": True})
    try:
        stage.thread(page, old)
        page.locator("#reply").fill("Good morning")
    finally:
        ines.patch("/api/settings", json={"quiet_hours": None})
