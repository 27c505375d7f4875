"""The admins' pages: users, chatrooms, numbers, pages of Facebook, and settings."""

from playwright.sync_api import Page, expect

from tests.e2e.scenes import Stage, scene


def open_first(page: Page, stage: Stage, path: str, name: str) -> None:
    page.goto(f"{stage.url}{path}")
    page.get_by_role("main").get_by_role("link", name=name).first.click()


@scene("dana", height=1100)
def manage_users(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.url}/manage/users/")


@scene("dana")
def manage_users_filtered_to_nothing(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.url}/manage/users/?search=nobody&state=deactivated")


@scene("dana", height=1100)
def manage_users_refused(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.url}/manage/users/")
    page.get_by_label("Email", exact=True).fill("maya@northbeam.example")
    page.get_by_label("Name", exact=True).fill("Maya")
    page.get_by_role("button", name="Send invitation").click()
    expect(page.get_by_text("already uses this email")).to_be_visible()


@scene("dana", height=1300)
def manage_user(page: Page, stage: Stage) -> None:
    open_first(page, stage, "/manage/users/", "Maya")


@scene("maya")
def manage_users_no_access(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.url}/manage/users/")


@scene("dana", height=1100)
def manage_chatrooms(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.url}/manage/chatrooms/")


@scene("dana", height=1300)
def manage_chatroom(page: Page, stage: Stage) -> None:
    open_first(page, stage, "/manage/chatrooms/", "Sales")


@scene("dana")
def manage_numbers(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.url}/manage/numbers/")


@scene("dana", height=1900)
def manage_number(page: Page, stage: Stage) -> None:
    open_first(page, stage, "/manage/numbers/", "0001")
    expect(page.get_by_text("Opt-out")).to_be_visible()


@scene("dana")
def manage_number_examined(page: Page, stage: Stage) -> None:
    """While the checks run."""
    page.route("**/doctor/", lambda _route: None)
    open_first(page, stage, "/manage/numbers/", "0001")
    page.wait_for_timeout(400)


@scene("dana")
def manage_pages(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.url}/manage/pages/")


@scene("dana", height=1900)
def manage_page(page: Page, stage: Stage) -> None:
    open_first(page, stage, "/manage/pages/", "Northbeam")
    expect(page.get_by_text("Human Agent", exact=True)).to_be_visible()


@scene("dana", height=2200)
def manage_settings(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.url}/manage/settings/")
    page.get_by_label("From").fill("00:00")
    page.get_by_label("Until").fill("23:59")
    page.get_by_label("Try a number").press_sequentially("+14155550123")
    expect(page.get_by_text("within your quiet hours")).to_be_visible()


@scene("dana", height=1100)
def manage_labels(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.url}/manage/settings/labels/")


@scene("dana")
def manage_keys(page: Page, stage: Stage) -> None:
    stage.client("dana").post("/api/keys", json={"name": "Report", "scopes": ["read", "admin"]})
    page.goto(f"{stage.url}/manage/settings/keys/")


@scene("dana", height=1500)
def manage_audit(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.url}/manage/settings/audit/")
