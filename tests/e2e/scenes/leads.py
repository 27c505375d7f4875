"""What leads look at: the dashboard, and a campaign while it is written."""

from playwright.sync_api import Page, expect

from tests.e2e.scenes import Stage, scene


@scene("dana", height=1500)
def dashboard(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.url}/?days=7")


def write_campaign(page: Page, stage: Stage, text: str) -> None:
    page.goto(f"{stage.url}/campaigns/new/")
    page.get_by_label("Name", exact=True).fill("Spring sale")
    page.get_by_role("group", name="Send to").get_by_label("Newsletter").check()
    page.get_by_label("Text", exact=True).fill(text)


@scene(height=1500)
def campaign_figures(page: Page, stage: Stage) -> None:
    """What an unsaved campaign would do."""
    write_campaign(page, stage, "Hi {{first_name|there}}, everything made of oak is 20 percent off this week.")
    expect(page.locator("#figures")).to_contain_text("Recipients")


@scene(height=1500)
def campaign_figures_missing(page: Page, stage: Stage) -> None:
    write_campaign(page, stage, "Hi {{nickname}}")
    expect(page.locator("#figures")).to_contain_text("There is no variable")


@scene(height=1500)
def campaign_figures_checking(page: Page, stage: Stage) -> None:
    """The figures of before stay, greyed."""
    write_campaign(page, stage, "Hi {{first_name|there}}")
    expect(page.locator("#figures")).to_contain_text("Recipients")
    page.route("**/campaigns/new/preflight/**", lambda route: None)
    page.get_by_label("Text", exact=True).press_sequentially(", once more")
    expect(page.get_by_text("Checking…")).to_be_visible()
