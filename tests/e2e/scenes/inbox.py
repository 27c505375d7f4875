"""The list of conversations: full, filtered, empty, slow, broken, and by keyboard."""

from playwright.sync_api import Page, expect

from tests.e2e.scenes import LONG_NAME, Stage, scene
from tests.e2e.scenes.made import is_phone, long_names, never, plain, rich


@scene()
def inbox_list(page: Page, stage: Stage) -> None:
    stage.talk("Is the walnut version back in stock? I saw it last week and would take two of them.")
    stage.talk("Loved the reel! Do you ship to Milan?")
    stage.inbox(page)


@scene()
def inbox_list_scrolled(page: Page, stage: Stage) -> None:
    stage.inbox(page)
    expect(page.locator(".conv").nth(40)).to_be_attached()
    page.locator("#convs").evaluate("list => list.scrollTop = 1500")
    page.wait_for_timeout(300)


@scene("dana")
def inbox_list_of_an_admin(page: Page, stage: Stage) -> None:
    stage.inbox(page)


@scene()
def inbox_filter_menu(page: Page, stage: Stage) -> None:
    stage.inbox(page, "?status=pending")
    page.locator(".list-filters summary").first.click()


@scene()
def inbox_label_menu(page: Page, stage: Stage) -> None:
    stage.inbox(page)
    page.locator(".list-filters summary", has_text="Label").click()


@scene()
def inbox_account_menu(page: Page, stage: Stage) -> None:
    stage.inbox(page)
    page.locator(".tabbar summary:visible" if is_phone(page) else ".side .me").last.click()


@scene()
def inbox_rooms_menu(page: Page, stage: Stage) -> None:
    stage.inbox(page)
    if is_phone(page):
        page.locator(".tabbar summary").first.click()
    else:
        page.set_viewport_size({"width": 1100, "height": 900})  # the rail


@scene("noor")
def inbox_without_chatrooms(page: Page, stage: Stage) -> None:
    stage.inbox(page)


@scene("otto")
def inbox_all_done(page: Page, stage: Stage) -> None:
    stage.inbox(page)


@scene()
def inbox_nobody_found(page: Page, stage: Stage) -> None:
    stage.inbox(page)
    page.get_by_role("searchbox").fill("somebody whom nobody knows")
    expect(page.get_by_text("No results for")).to_be_visible()


@scene()
def inbox_found(page: Page, stage: Stage) -> None:
    stage.inbox(page)
    page.get_by_role("searchbox").fill("har")
    page.wait_for_url("**search=har**")
    page.wait_for_timeout(400)


@scene()
def inbox_nothing_fits(page: Page, stage: Stage) -> None:
    stage.inbox(page, "?status=snoozed&tab=mine&channel=MESSENGER")


@scene()
def inbox_list_loading(page: Page, stage: Stage) -> None:
    stage.inbox(page)
    page.route("**/inbox/?*", never)
    page.locator("#tab-mine").click()
    expect(page.locator("#convs .skeleton")).to_be_visible()


@scene()
def inbox_list_not_loaded(page: Page, stage: Stage) -> None:
    stage.inbox(page)
    page.route("**/inbox/?*", lambda route: route.abort())
    page.locator("#tab-mine").click()
    expect(page.get_by_text("Couldn't load your conversations")).to_be_visible()


@scene("lena")
def inbox_long_names(page: Page, stage: Stage) -> None:
    stage.once(long_names)
    stage.inbox(page)
    expect(page.locator(".conv", has_text=LONG_NAME[0]).first).to_be_visible()


@scene()
def inbox_keyboard(page: Page, stage: Stage) -> None:
    """What the keyboard is on."""
    stage.thread(page, stage.once(rich)) if not is_phone(page) else stage.inbox(page)
    page.locator("body").press("j")
    page.keyboard.press("j")
    expect(page.locator(".conv:focus-visible")).to_be_visible()


@scene()
def inbox_selected(page: Page, stage: Stage) -> None:
    stage.inbox(page)
    page.get_by_role("button", name="Select conversations").click()
    for place in (0, 1, 3):
        page.locator("#convs .conv-pick > input").nth(place).check()
    expect(page.locator("#bulk").get_by_role("button", name="Resolve")).to_be_visible()


@scene()
def inbox_selected_menu(page: Page, stage: Stage) -> None:
    inbox_selected(page, stage)
    page.locator("#bulk-assign summary").click()


@scene()
def inbox_keyboard_buttons(page: Page, stage: Stage) -> None:
    stage.thread(page, stage.once(plain))
    page.locator("#more summary").focus()
    page.keyboard.press("Tab")
    page.wait_for_timeout(200)
