"""Pictures of what the interface can look like: every scene in light and dark, on a desktop and on a phone.

    python -m tests.e2e.pictures                 all scenes
    python -m tests.e2e.pictures thread login    those whose names begin with one of these words

They go to the git-ignored tests/shots/, and beside them tests/shots/sheets/, where a scene's four hang together.
"""

import base64
import sys
import traceback
from importlib import import_module

from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser import launch_chromium
from tests.e2e.looks import SHOTS, THEMES, shot
from tests.e2e.scenes import LOGINS, SCENES, Scene, Stage
from tests.running_demo import demo_folder, running_demo

SHEETS = SHOTS / "sheets"
ROOMS = ("inbox", "thread", "composer", "beside", "contact", "lists", "leads", "door", "manage", "problems")  # in order
LIMITS = {"LIMIT_LOGIN_PER_ACCOUNT": str(LOGINS)}


for room in ROOMS:
    import_module(f"tests.e2e.scenes.{room}")  # its scenes add themselves


def main(words: list[str]) -> int:
    """Takes the scenes that are asked for; says which could not be brought about, and how many."""
    wanted = [scene for scene in SCENES.values() if not words or any(scene.name.startswith(word) for word in words)]
    SHEETS.mkdir(parents=True, exist_ok=True)
    with demo_folder() as folder, running_demo(folder, **LIMITS) as demo, sync_playwright() as playwright:
        browser = launch_chromium(playwright)
        stage = Stage(demo, browser)
        stage.hire()
        failed = [scene.name for scene in wanted if not taken(scene, stage)]
    say(f"{len(wanted) - len(failed)} scenes are in {SHEETS}.")
    if failed:
        say(f"Not taken: {', '.join(failed)}.")
    return len(failed)


def taken(scene: Scene, stage: Stage) -> bool:
    try:
        for size in scene.sizes:
            take(scene, stage, size)
        hang(scene, stage.browser)
    except Exception:  # one scene that fails must not cost the others
        traceback.print_exc(limit=-3)
        return False
    say(scene.name)
    return True


def take(scene: Scene, stage: Stage, size: dict) -> None:
    page = stage.window(scene.who, size | ({"height": scene.height} if scene.height else {}))
    try:
        scene.play(page, stage)
        for theme in THEMES:
            page.emulate_media(color_scheme=theme, reduced_motion="reduce")
            page.wait_for_timeout(150)  # colours change over time
            shot(page, name_of(scene, size, theme))
    finally:
        page.unroute_all(behavior="ignoreErrors")  # some answers were never to come
        page.context.close()


def name_of(scene: Scene, size: dict, theme: str) -> str:
    return f"{scene.name}-{size['width']}-{theme}"


def hang(scene: Scene, browser: Browser) -> None:
    """The pictures of a scene in one: light above dark, wide windows on the left, phones on the right."""
    taken = [[image(name_of(scene, size, theme)) for theme in THEMES] for size in scene.sizes]
    columns = "".join(f"<div>{''.join(column)}</div>" for column in taken)
    page: Page = browser.new_page()
    page.set_content(f"<style>body {{ display: flex; gap: 16px; width: max-content }}</style>{columns}")
    page.set_viewport_size({"width": 2400, "height": 2 * (scene.height or 900) + 60})
    page.locator("body").screenshot(path=SHEETS / f"{scene.name}.png")
    page.close()


def image(name: str) -> str:
    data = base64.b64encode((SHOTS / f"{name}.png").read_bytes()).decode()
    return f'<img src="data:image/png;base64,{data}"><br>'


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
