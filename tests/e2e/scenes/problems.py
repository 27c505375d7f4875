"""Pages that say what went wrong."""

from playwright.sync_api import Page

from tests.e2e.scenes import Stage, scene


def broken(page: Page, stage: Stage, status: int) -> None:
    """What the server would answer; it does not break on demand."""
    html = stage.demo.shell.run(
        "from django.template.loader import render_to_string\n"
        "from django.test import RequestFactory\n"
        f"print(render_to_string('{status}.html', {{'request': RequestFactory().get('/')}}))",
    )
    page.route(f"{stage.url}/", lambda route: route.fulfill(status=status, body=html, content_type="text/html"))
    page.goto(stage.url)


@scene()
def problem_400(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.url}/inbox/?status=LOUD")


@scene()
def problem_403(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.url}/manage/tokens/")


@scene(None)
def problem_403_csrf(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.url}/login/")
    page.context.clear_cookies()
    page.locator("button[type=submit]").click()
    page.wait_for_load_state()


@scene()
def problem_404(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.url}/nowhere/")


@scene()
def problem_429(page: Page, stage: Stage) -> None:
    broken(page, stage, 429)


@scene()
def problem_500(page: Page, stage: Stage) -> None:
    broken(page, stage, 500)


@scene()
def problem_503(page: Page, stage: Stage) -> None:
    broken(page, stage, 503)


@scene("dana")
def problem_alert(page: Page, stage: Stage) -> None:
    """An admin's inbox while the token of a page is about to end."""
    stage.python("""
from integrations import health
from integrations.models import Channel
health.raise_alert(northbeam.pk, Channel.objects.first().pk, "token_expiring",
    "The token of Northbeam Living ends on 1 December 2026. From then on nothing can be sent. "
    "Create a new one and update it under Channels.")
""")
    stage.inbox(page)


@scene("dana")
def problem_alert_beside_a_page(page: Page, stage: Stage) -> None:
    problem_alert(page, stage)
    page.goto(f"{stage.url}/manage/tokens/")
