from functools import partial
from pathlib import Path

from agent.imports import import_demos
from agent.prompts import NANO, render
from tests.trajectories.conftest import MakeRun, make_run
from trajectories.demo import demos_of
from trajectories.export import samples
from trajectories.formats.agentnet import read_agentnet, write_agentnet
from trajectories.reading import read_run
from trajectories.store import RunStore

__all__ = ["make_run"]


def test_an_imported_episode_teaches_what_the_original_teaches(
    make_run: MakeRun, tmp_path: Path
) -> None:
    original = read_run(make_run())
    path = tmp_path / "trajectories.jsonl"
    write_agentnet(demos_of(original), path)
    with RunStore.create(tmp_path / "imported", policy="imported") as store:
        imported = import_demos(read_agentnet(path), store)
    assert (imported.num_episodes, imported.num_steps, imported.left_out) == (1, 7, [])
    again = read_run(store.folder)
    assert again.episodes[0].success
    ours = [step for step in original.episodes[0].steps if not step.error]
    theirs = again.episodes[0].steps
    for one, other in zip(ours, theirs, strict=True):
        assert one.intent is not None
        assert other.intent is not None
        assert one.intent.actions == other.intent.actions
        assert one.observation.image == other.observation.image
    assert len(list(samples(again, partial(render, NANO)))) == 7


def test_an_episode_with_an_action_we_cannot_do_is_left_out_and_told(
    make_run: MakeRun, tmp_path: Path
) -> None:
    path = tmp_path / "trajectories.jsonl"
    write_agentnet(demos_of(read_run(make_run())), path)
    path.write_text(path.read_text().replace("pyautogui.hotkey", "pyautogui.flyAway"))
    with RunStore.create(tmp_path / "imported", policy="imported") as store:
        imported = import_demos(read_agentnet(path), store)
    assert imported.num_episodes == 0
    (told,) = imported.left_out
    assert "flyAway" in told
