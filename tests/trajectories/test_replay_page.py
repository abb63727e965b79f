"""The page in a real browser."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

from agent.action_text import action_text
from agent.loop import LoopConfig
from env import miniwob
from env.actions import Click, Point, TypeText
from env.chromium import chromium_executable
from env.fake import FAKE_SIZE, FIELD
from env.miniwob.page import TASK_SIZE, MiniWobPage
from env.miniwob.tasks import TASKS
from tests.trajectories.conftest import ANSWERS, MakeRun
from trajectories.action_json import encode
from trajectories.reading import read_run
from trajectories.replay import write_replay
from trajectories.schema import EpisodeStart, Intent, Observation, Outcome
from trajectories.store import RunStore

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
    browser_page.locator("article").first.wait_for()
    times = browser_page.evaluate(WALK)
    here = browser_page.locator("article.here")
    assert "Click no. 198." in here.inner_text()
    assert here.locator("img").evaluate("img => img.complete && img.naturalWidth") == FAKE_SIZE[0]
    browser_page.keyboard.press("ArrowLeft")
    assert "Click no. 197." in here.inner_text()
    assert complaints == []
    # A step of the walk is drawn within a few frames even on a busy machine.
    assert times[len(times) // 2] < 100


def test_200_steps_on_22_small_screens_weigh_no_more_than_1_2_times_their_pictures(
    browser_page: Page, tmp_path: Path
) -> None:
    # The hard case: a page of MiniWoB is small, and nine steps share each of its pictures.
    world = MiniWobPage(browser_page)
    screens = []
    (width, height), shape = TASK_SIZE, TASK_SIZE._asdict()
    for task in TASKS[::6]:
        world.open(task)
        world.reset(seed=1)
        screens.append(
            browser_page.screenshot(clip={"x": 0, "y": 0, "width": width, "height": height})
        )
    chance = random.Random(1)
    words = (Path(miniwob.__file__).parent / "specimen_words.txt").read_text().split()
    with RunStore.create(tmp_path, policy="expert", durable=False) as store:
        names = [store.store_image(screen) for screen in screens]
        store.append(EpisodeStart(task="t", instruction="Go.", started_at=0.0, **shape))
        for step in range(1, NUM_STEPS + 1):
            store.append(
                Observation(
                    step=step,
                    image=names[step % len(names)],
                    taken_at=float(step),
                    capture_seconds=chance.random() / 9,
                    settle_seconds=chance.random(),
                    settled=True,
                    **shape,
                )
            )
            click = Click(Point(chance.randrange(160), chance.randrange(210)))
            thought, sentence = (" ".join(chance.choices(words, k=k)) for k in (20, 8))
            store.append(
                Intent(
                    step=step,
                    response=action_text(click, TASK_SIZE, words=sentence, thought=thought),
                    thought=thought,
                    sentence=sentence,
                    actions=[encode(click)],
                    seconds={"model": 3 * chance.random()},
                )
            )
            store.append(Outcome(step=step, performed=1, act_seconds=chance.random()))
    page = write_replay(read_run(store.folder), tmp_path / "replay.html")
    stored = sum(blob.stat().st_size for blob in store.folder.glob("blobs/*/*.png"))
    assert page.stat().st_size <= 1.2 * stored
    browser_page.goto(page.as_uri())
    browser_page.locator("article").last.wait_for(state="attached")
    assert browser_page.locator("article").count() == NUM_STEPS


def test_what_a_model_says_is_shown_as_text_and_never_becomes_markup(
    make_run: MakeRun, browser_page: Page
) -> None:
    attack = "</script><img src=x onerror='document.title=1'><script>document.title=2</script>"
    answers = [action_text(TypeText(attack), FAKE_SIZE, words=attack, thought=attack), attack]
    folder = make_run(answers, config=LoopConfig(max_steps=2), task=attack)
    path = write_replay(read_run(folder), folder / "replay.html")
    browser_page.goto(path.as_uri())
    first = browser_page.locator("article").first
    assert first.locator(".thought").inner_text() == attack
    assert first.locator(".sentence").inner_text() == attack
    assert browser_page.locator("img:not([data-picture])").count() == 0
    assert browser_page.title() == "scripted: 1 of 1"


def test_marks_and_times_are_drawn(make_run: MakeRun, browser_page: Page) -> None:
    folder = make_run()
    path = write_replay(read_run(folder), folder / "replay.html")
    browser_page.goto(path.as_uri())
    steps = browser_page.locator("article")
    steps.first.wait_for()
    assert steps.count() == browser_page.locator(".timeline button").count() == len(ANSWERS)
    ring = steps.nth(0).locator("circle.mark").first
    x, y = (round(float(ring.get_attribute(axis) or "nan")) for axis in ("cx", "cy"))
    assert Point(x, y) == FIELD.center
    assert steps.nth(3).locator("line.mark").get_attribute("marker-end") == "url(#tip)"
    assert steps.nth(6).locator("circle.mark").count() == 2
    assert browser_page.locator("#packed").count() == 0


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
