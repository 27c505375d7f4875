"""A contact's page."""

from playwright.sync_api import Page, expect

from tests.e2e.scenes import Stage, scene
from tests.e2e.scenes.made import endless, long_names, rich
from tests.running_demo import phones


def contact_of(talk: dict) -> str:
    return f"/contacts/{talk['contact']['id']}/"


def eventful(stage: Stage) -> str:
    """Somebody with whom much has happened."""
    talk = stage.once(rich)
    dana, path = stage.client("dana"), contact_of(talk)
    dana.patch(
        f"/api{path[:-1]}", json={"first_name": "Amelia", "last_name": "Hart", "email": "amelia.hart@example.com"}
    )
    room = talk["chatroom_id"]
    for name in ("Spring dining event", "Regulars"):
        group = dana.post("/api/groups", json={"name": name, "chatroom_id": room}).json()
        if name == "Regulars":
            dana.post(f"/api/groups/{group['id']}/members", json={"contact_ids": [talk["contact"]["id"]]})
    return path


@scene()
def contact(page: Page, stage: Stage) -> None:
    page.goto(stage.url + stage.once(eventful))


@scene(height=1800)
def contact_whole(page: Page, stage: Stage) -> None:
    page.goto(stage.url + stage.once(eventful))


@scene("lena", height=1400)
def contact_long_names(page: Page, stage: Stage) -> None:
    page.goto(stage.url + contact_of(stage.once(long_names)))


@scene(height=1400)
def contact_blocked(page: Page, stage: Stage) -> None:
    talk = stage.talk("Please don't")
    stage.client("maya").patch(f"/api/contacts/{talk['contact']['id']}", json={"blocked": True})
    page.goto(stage.url + contact_of(talk))


@scene()
def contact_opted_out(page: Page, stage: Stage) -> None:
    page.goto(stage.url + contact_of(stage.talk("Too many messages", "STOP")))


@scene()
def contact_empty(page: Page, stage: Stage) -> None:
    made = stage.client("maya").post("/api/contacts", json={"first_name": "Grace", "phone": next(phones)})
    page.goto(f"{stage.url}/contacts/{made.json()['id']}/")


@scene()
def contact_edit(page: Page, stage: Stage) -> None:
    contact(page, stage)
    page.get_by_role("link", name="Edit").click()
    expect(page.get_by_role("dialog")).to_be_visible()


@scene()
def contact_edit_refused(page: Page, stage: Stage) -> None:
    contact_edit(page, stage)
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Phone").fill("12")
    dialog.get_by_label("Email").fill("no address")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_text("isn't a valid phone number")).to_be_visible()


@scene()
def contact_edit_not_loaded(page: Page, stage: Stage) -> None:
    contact(page, stage)
    page.route("**/edit/", lambda route: route.fulfill(status=500, body="broken"))
    page.get_by_role("link", name="Edit").click()
    expect(page.locator(".toast")).to_be_visible()


@scene()
def contact_edit_loading(page: Page, stage: Stage) -> None:
    contact(page, stage)
    page.route("**/edit/", lambda route: None)
    page.get_by_role("link", name="Edit").click()
    page.wait_for_timeout(400)


@scene()
def contact_endless(page: Page, stage: Stage) -> None:
    """More than one page of history, read to its end."""
    page.goto(stage.url + contact_of(stage.once(endless)))
    page.mouse.move(900, 600) if page.viewport_size["width"] > 640 else None
    page.locator(".story-more").scroll_into_view_if_needed()


@scene()
def contact_edit_page(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.url}{stage.once(eventful)}edit/")


@scene()
def contact_saved(page: Page, stage: Stage) -> None:
    contact_edit(page, stage)
    page.get_by_role("dialog").get_by_role("button", name="Save").click()
    expect(page.locator(".toast")).to_be_visible()


@scene()
def merge(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.url}{stage.once(eventful)}merge/")


@scene()
def merge_found(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.url}{stage.once(eventful)}merge/?search=a")


@scene()
def merge_nobody(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.url}{stage.once(eventful)}merge/?search=zzzz")


@scene(height=1200)
def merge_preview(page: Page, stage: Stage) -> None:
    other = stage.talk("This is my new number")["contact"]["id"]
    page.goto(f"{stage.url}{stage.once(eventful)}merge/{other}/")


@scene("lena", height=1400)
def merge_preview_long_names(page: Page, stage: Stage) -> None:
    other = contact_of(stage.once(rich)).split("/")[2]
    page.goto(f"{stage.url}{contact_of(stage.once(long_names))}merge/{other}/")


@scene("tom")
def contact_no_access(page: Page, stage: Stage) -> None:
    page.goto(stage.url + contact_of(stage.once(rich)))
