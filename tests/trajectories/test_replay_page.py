"""The page in a real browser."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

from agent.action_text import action_text
from agent.loop import LoopConfig
from env.actions import Click, Point
from env.chromium import chromium_executable
from env.fake import FAKE_SIZE
from tests.trajectories.conftest import MakeRun
from trajectories.reading import read_run
from trajectories.replay import write_replay

NUM_STEPS = 200
WALK = """
async () => {
  const times = [];
  for (let step = 0; step < 199; step++) {
    const began = performance.now();
    dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight" }));
    await new Promise(done => requestAnimationFrame(done));
    times.push(performance.now() - began);
  }
  return times.sort((a, b) => a - b);
}
"""


@pytest.fixture(scope="module")
def browser_page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium_executable(), args=["--no-sandbox"]
        )
        context = browser.new_context(viewport={"width": 1280, "height": 900}, offline=True)
        yield context.new_page()
        browser.close()


def test_200_steps_are_walked_by_key_without_a_network(
    make_run: MakeRun, browser_page: Page
) -> None:
    # A click on another place each time: no two screens need be alike, and nothing repeats.
    clicks = [
        action_text(
            Click(Point(5 + step % 300, 5 + step // 2)), FAKE_SIZE, words=f"Click no. {step}."
        )
        for step in range(NUM_STEPS)
    ]
    folder = make_run(clicks, config=LoopConfig(max_steps=NUM_STEPS))
    path = write_replay(read_run(folder), folder / "replay.html")
    complaints: list[str] = []
    browser_page.on("pageerror", lambda error: complaints.append(str(error)))
    browser_page.goto(path.as_uri())
    times = browser_page.evaluate(WALK)
    here = browser_page.locator("article.here")
    assert "Click no. 198." in here.inner_text()
    assert here.locator("img").evaluate("img => img.complete && img.naturalWidth") == FAKE_SIZE[0]
    browser_page.keyboard.press("ArrowLeft")
    assert "Click no. 197." in here.inner_text()
    assert complaints == []
    # A step of the walk is drawn within a few frames even on a busy machine.
    assert times[len(times) // 2] < 100


def test_the_page_weighs_no_more_than_1_2_times_its_pictures(make_run: MakeRun) -> None:
    folder = make_run()
    path = write_replay(read_run(folder), folder / "replay.html")
    words = len(path.read_text().partition("const pictures = ")[0])
    stored = sum(blob.stat().st_size for blob in folder.glob("blobs/*/*.png"))
    assert path.stat().st_size - words < stored


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_light_and_dark_differ(
    make_run: MakeRun, browser_page: Page, scheme: str, tmp_path: Path
) -> None:
    folder = make_run()
    path = write_replay(read_run(folder), folder / "replay.html")
    browser_page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    browser_page.goto(path.as_uri())
    paper = browser_page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert paper == {"light": "rgb(246, 245, 242)", "dark": "rgb(21, 24, 27)"}[scheme]
