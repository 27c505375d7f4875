"""Signing in and its relatives, and one's own page."""

from playwright.sync_api import Page, expect

from tests.accounts.codes import code
from tests.e2e.conftest import sign_in
from tests.e2e.scenes import LOGINS, LONG_NAME, Stage, scene
from tests.e2e.test_accounts import link_in_mail
from tests.running_demo import eventually


def mailed(stage: Stage, address: str) -> str:
    return eventually(lambda: link_in_mail(stage.demo, address))


def try_to_sign_in(page: Page, stage: Stage, email: str, password: str) -> None:
    page.goto(f"{stage.url}/login/")
    sign_in(page, {"email": email, "password": password})
    expect(page.get_by_role("alert")).to_be_visible()


@scene(None)
def login(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.url}/login/")


@scene(None)
def login_wrong(page: Page, stage: Stage) -> None:
    try_to_sign_in(page, stage, "maya@northbeam.example", "wrong")


@scene(None)
def login_unfilled(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.url}/login/")
    sign_in(page, {"email": "maya", "password": ""})
    page.wait_for_timeout(400)


@scene(None)
def login_locked(page: Page, stage: Stage) -> None:
    for _ in range(LOGINS + 1):
        try_to_sign_in(page, stage, "locked@harbour.example", "wrong")
    expect(page.get_by_role("alert")).to_contain_text("Too many attempts")


@scene(None)
def login_code(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.url}/login/")
    sign_in(page, stage.demo.details["operator"])
    expect(page.get_by_label("Code")).to_be_visible()


@scene(None)
def login_code_wrong(page: Page, stage: Stage) -> None:
    login_code(page, stage)
    page.get_by_label("Code").fill("000000")
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator(".error-text, [role=alert]").first).to_be_visible()


@scene(None)
def password_reset(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.url}/password/reset/")


@scene(None)
def password_reset_sent(page: Page, stage: Stage) -> None:
    password_reset(page, stage)
    page.get_by_label("Email").fill("nobody@northbeam.example")
    page.get_by_role("button", name="Send reset link").click()
    expect(page.get_by_text("we've sent a reset link")).to_be_visible()


@scene(None)
def password_reset_unfilled(page: Page, stage: Stage) -> None:
    password_reset(page, stage)
    page.get_by_label("Email").fill("kim")
    page.get_by_role("button", name="Send reset link").click()
    page.wait_for_load_state()


def link_for_kim(stage: Stage) -> str:
    return link_for(stage, "kim@harbour.example")


def link_for(stage: Stage, address: str) -> str:
    page = stage.window(None, {"width": 800, "height": 600})
    password_reset(page, stage)
    page.get_by_label("Email").fill(address)
    page.get_by_role("button", name="Send reset link").click()
    page.context.close()
    return mailed(stage, address)


@scene(None)
def password_new(page: Page, stage: Stage) -> None:
    page.goto(stage.once(link_for_kim))


@scene(None)
def password_new_refused(page: Page, stage: Stage) -> None:
    password_new(page, stage)
    page.get_by_role("textbox", name="New password").fill("short")
    page.get_by_role("button", name="Set password").click()
    expect(page.locator(".error-text")).to_be_visible()


@scene(None)
def password_link_over(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.url}/password/reset/MQ/over-and-out/")


def invited(stage: Stage) -> str:
    body = {"email": "ada@northbeam.example", "name": "Ada Lind", "role": "agent"}
    assert stage.client("dana").post("/api/users", json=body).status_code == 201
    return mailed(stage, body["email"])


@scene(None)
def invitation(page: Page, stage: Stage) -> None:
    page.goto(stage.once(invited))


@scene(None)
def invitation_refused(page: Page, stage: Stage) -> None:
    page.goto(stage.once(invited))
    page.get_by_label("Your name").fill("")
    page.get_by_label("New password").fill("password12")
    page.get_by_role("button", name="Join").click()
    expect(page.locator(".error-text").first).to_be_visible()


def invited_at_length(stage: Stage) -> str:
    address = "a.rather.long.address@northbeam.example"
    body = {"email": address, "name": " ".join(LONG_NAME), "role": "agent"}
    assert stage.client("dana").post("/api/users", json=body).status_code == 201
    return mailed(stage, address)


@scene(None)
def invitation_long_names(page: Page, stage: Stage) -> None:
    page.goto(stage.once(invited_at_length))


@scene(None)
def invitation_over(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.url}/invitation/over/")


# ---------------------------------------------------------------- one's own page
@scene("priya", height=2200)
def me(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.url}/me/")


@scene("priya", height=2200)
def me_refused(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.url}/me/")
    card = page.locator("#second-factor")
    card.get_by_label("Current password").fill("wrong")
    card.get_by_label("Code").fill("123456")
    card.get_by_role("button", name="Turn on").click()
    page.wait_for_load_state()


@scene("sam", height=2200)
def me_recovery_codes(page: Page, stage: Stage) -> None:
    """The first time it is set up; afterwards there are new codes."""
    sam = stage.demo.people["sam"]
    page.goto(f"{stage.url}/me/")
    card = page.locator("#second-factor")
    card.get_by_label("Current password").fill(sam["password"])
    if page.locator("code.secret").count():
        card.get_by_label("Code").fill(code(page.locator("code.secret").inner_text().replace(" ", "")))
        card.get_by_role("button", name="Turn on").click()
    else:
        card.get_by_role("button", name="Replace recovery codes").click()
    expect(page.locator(".codes code").first).to_be_visible()


@scene("dana", height=1400)
def tokens(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.url}/manage/tokens/")
