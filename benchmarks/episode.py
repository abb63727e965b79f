"""What a step of an agent's episode costs, with and without each way to compute less.

Twenty steps in a real editor on a virtual desktop, performed by the agent's own loop, give the
screenshots, and what looking, settling and acting take. The network is then asked what it is
asked in such an episode, in one prompt style or several, with every shortcut, without each of
them and without any. What it answers is not performed, so that all are asked the same; greedy,
their answers must be equal. From the fifth step on is told how much of a prompt is prefilled.

    python benchmarks/episode.py --model model/weights/nano --patches 1024 --json episode.json
    python benchmarks/episode.py --perform episodes          the episodes alone, to be asked about
    python benchmarks/episode.py --performed episodes        where there is no display, say
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from statistics import fmean, median
from typing import TYPE_CHECKING, Any, NamedTuple

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from agent.action_grammar import ACTIONS  # noqa: E402
from agent.action_text import action_text  # noqa: E402
from agent.prompts import STYLES, PromptStyle, opening_to_come, render, style_named  # noqa: E402
from benchmarks.conditions import conditions  # noqa: E402
from env.actions import Action, Click, Keys, Point, TypeText  # noqa: E402
from env.screen import ScreenSize  # noqa: E402
from model.messages import Completion, Constraint, Sampling  # noqa: E402
from trajectories.export import prompts  # noqa: E402
from trajectories.reading import Episode, read_run, remembered  # noqa: E402

if TYPE_CHECKING:
    from model.chat import ChatModel
    from model.generate import Shortcuts

SIZES = {"1280x720": ScreenSize(1280, 720), "1920x1080": ScreenSize(1920, 1080)}
INSTRUCTION = "Write the minutes of the meeting, with a list of what is to be done."
NUM_STEPS = 20
STEADY_FROM = 5
"""The step from which on is told how much of a prompt is prefilled."""
ANSWER_TOKENS = 64
CODE_FROM_THE_START = replace(ACTIONS, openings=("",))
"""For networks with random weights, which never come to the opening of a code block."""
SLOW_SECONDS = 5.0
"""An answer that takes longer is told of at once: of a large network all take minutes."""

Say = tuple[Action, str, str]
"""What is done, in words, and why."""


class Asked(NamedTuple):
    """One network, one style, one set of shortcuts."""

    shortcuts: "Shortcuts"
    completions: list[Completion]
    cpu_seconds: float
    """Of this process, for all of them: tells more than the clock on a machine that is shared."""


def script(size: ScreenSize) -> list[Say]:
    """Twenty actions, most of which change what an editor shows to something new."""
    middle = Point(size.width // 2, size.height // 2)
    write = partial(_written, "The next line of the minutes is missing; I type it.")
    return [
        (Keys(("f11",)), "Make the editor fill the screen.", "A larger window shows more of it."),
        write("Minutes of the meeting on Thursday\n"),
        write("Present: Ada, Grace, Edsger\n\n"),
        write("1. The budget was approved.\n"),
        write("2. The move is put off to the spring.\n"),
        (Keys(("ctrl", "f")), "Open the search bar.", "I want to look for the budget."),
        (TypeText("budget"), "Type what to look for.", "The search bar is open and has the focus."),
        (Keys(("escape",)), "Close the search bar.", "It was found in the first item."),
        (Keys(("ctrl", "end")), "Go to the end of the text.", "The list goes on there."),
        write("3. Grace asks for two more machines.\n"),
        (Keys(("ctrl", "a")), "Select the whole text.", "It is to be copied."),
        (Click(middle), "Click into the text.", "The selection is not needed any more."),
        (Keys(("ctrl", "home")), "Go to the beginning.", "The title is to be set off."),
        write("DRAFT\n\n"),
        (Keys(("alt", "f")), "Open the File menu.", "The text is to be saved."),
        (Keys(("escape",)), "Close the menu.", "There is more to be written before."),
        (Keys(("ctrl", "end")), "Go to the end of the text.", "The list goes on there."),
        write("To do: Ada orders the machines, Edsger tells the landlord.\n"),
        (Keys(("ctrl", "z")), "Take the last words back.", "The names were mixed up."),
        write("To do: Edsger orders the machines, Ada tells the landlord.\n"),
    ]


def _written(why: str, text: str) -> Say:
    return TypeText(text), f"Type {text.strip()!r}.", why


def perform(size: ScreenSize, folder: Path) -> Episode:
    """The episode, really performed; its log and pictures lie in a run folder of `folder`."""
    from agent.loop import Loop, LoopConfig
    from agent.policy import ScriptedPolicy
    from env.desktop import wait_until_settled
    from env.virtual import VirtualDesktop
    from trajectories.store import RunStore

    says = script(size)
    answers = [action_text(action, size, words=words, thought=why) for action, words, why in says]
    config = LoopConfig(max_steps=len(says), max_repeats=len(says))
    with VirtualDesktop(size) as desktop, RunStore.create(folder, policy="scripted") as store:
        desktop.launch(["mousepad"])
        bare = desktop.screenshot()
        until = time.monotonic() + 30.0
        while (seen := wait_until_settled(desktop)).screenshot.same_pixels(bare):
            assert time.monotonic() < until, "the editor did not come up"
        assert seen.still
        Loop(ScriptedPolicy(answers), desktop, store, config).run(INSTRUCTION, task="minutes")
    (episode,) = read_run(store.folder).episodes
    return episode


def performed(size: ScreenSize, folder: Path) -> Episode:
    """One of this size that `perform` left in `folder`.

    Raises:
        ValueError: there is none.
    """
    for run in sorted(path.parent for path in folder.glob("*/run.json")):
        for episode in read_run(run).episodes:
            if episode.steps and _size_of(episode) == size:
                return episode
    raise ValueError(f"no episode of {size.width}x{size.height} in {folder}; see --perform")


def _size_of(episode: Episode) -> ScreenSize:
    seen = episode.steps[0].observation
    return ScreenSize(seen.width, seen.height)


def ask(
    model: "ChatModel",
    episode: Episode,
    style: PromptStyle,
    shortcuts: "Shortcuts",
    *,
    max_new_tokens: int = ANSWER_TOKENS,
    constraint: Constraint = ACTIONS,
) -> Asked:
    """Every step of an episode, as the loop asks it; the answers lead nowhere.

    Args:
        model: its network and processor are used, with these shortcuts instead of its own.
    """
    from model.chat import ChatModel

    asked = ChatModel(model.network, model.processor, shortcuts)
    sampling = Sampling(max_new_tokens=max_new_tokens, constraint=constraint)
    past = remembered(episode.steps)
    completions = []
    began = time.process_time()
    for number, messages in enumerate(prompts(episode, partial(render, style))):
        if shortcuts.prefix and (opening := opening_to_come(style, past[:number])):
            asked.prepare(opening)
        completion = asked.complete(messages, sampling=sampling)
        if (seconds := sum(completion.seconds.values())) > SLOW_SECONDS:
            parts = {part: round(spent, 1) for part, spent in completion.seconds.items()}
            print(f"step {number + 1}: {seconds:.1f} s {parts}", file=sys.stderr, flush=True)
        completions.append(completion)
    return Asked(shortcuts, completions, time.process_time() - began)


def variants() -> dict[str, "Shortcuts"]:
    from model.generate import Shortcuts

    bare = Shortcuts(prefix=False, features=False, forced=False, guesses=False)
    without = {f"without {name}": replace(Shortcuts(), **{name: False}) for name in asdict(bare)}
    return {"all": Shortcuts(), **without, "none": bare}


def measure(
    model: "ChatModel",
    episode: Episode,
    style: PromptStyle,
    chosen: "dict[str, Shortcuts]",
    *,
    max_new_tokens: int = ANSWER_TOKENS,
    constraint: Constraint = ACTIONS,
) -> dict[str, Any]:
    """The figures of each variant, and whether its answers are those of the first."""
    rows: dict[str, Any] = {}
    first: list[tuple[int, ...]] | None = None
    for name, shortcuts in chosen.items():
        asked = ask(
            model,
            episode,
            style,
            shortcuts,
            max_new_tokens=max_new_tokens,
            constraint=constraint,
        )
        ids = [completion.token_ids for completion in asked.completions]
        first = first or ids
        rows[name] = {
            **figures(episode, asked.completions),
            "cpu_ms_a_step": round(asked.cpu_seconds * 1000 / len(ids), 1),
            "same_answers": ids == first,
        }
    return rows


def figures(episode: Episode, completions: Sequence[Completion]) -> dict[str, Any]:
    """Milliseconds of every step's parts, and counts over all steps."""
    waterfalls = [
        {
            "capture": step.observation.capture_seconds,
            "settle": step.observation.settle_seconds,
            **{part: told.seconds.get(part, 0.0) for part in ("vision", "prefill", "decode")},
            "ahead": told.seconds.get("ahead", 0.0),
            "act": 0.0 if step.outcome is None else step.outcome.act_seconds,
        }
        for step, told in zip(episode.steps, completions, strict=True)
    ]
    steady = completions[STEADY_FROM - 1 :]
    shares = [1 - each.num_reused_tokens / each.num_prompt_tokens for each in steady]
    # What was computed ahead is told with the answer after it, and belongs to the step before.
    ahead = [each.num_prepared_tokens for each in completions[STEADY_FROM:]] + [0]
    with_ahead = [
        share + more / each.num_prompt_tokens
        for share, more, each in zip(shares, ahead, steady, strict=True)
    ]
    tokens = sum(len(each.token_ids) for each in completions)
    guessed = sum(each.num_guessed for each in completions)
    passes = sum(each.num_passes for each in completions)
    decode = sum(each.seconds["decode"] for each in completions)
    return {
        "step_ms": {
            part: round(median(fall[part] for fall in waterfalls) * 1000, 1)
            for part in waterfalls[0]
        },
        "median_step_ms": round(median(sum(fall.values()) for fall in waterfalls) * 1000, 1),
        "mean_step_ms": round(fmean(sum(fall.values()) for fall in waterfalls) * 1000, 1),
        "steps_ms": [round(sum(fall.values()) * 1000, 1) for fall in waterfalls],
        "prompt_tokens": [each.num_prompt_tokens for each in completions],
        "prefilled_from_step_5": {
            "mean": round(fmean(shares), 3),
            "most": round(max(shares), 3),
            "most_with_what_is_computed_ahead": round(max(with_ahead), 3),
        },
        "answer_tokens": tokens,
        "passes": passes,
        "tokens_a_pass": round((tokens - len(completions)) / max(passes, 1), 2),
        "guesses_right": round(sum(e.num_right for e in completions) / max(guessed, 1), 3),
        "forced_tokens": sum(each.num_forced for each in completions),
        "decode_tokens_per_second": round(tokens / decode, 2) if decode else 0.0,
    }


def table(title: str, rows: dict[str, Any]) -> str:
    columns = ("step ms", "cpu ms", "vision", "prefill", "decode", "prefilled")
    lines = [f"{title:<34}" + "".join(f"{column:>10}" for column in columns)]
    for name, row in rows.items():
        spent = [row["median_step_ms"], row["cpu_ms_a_step"]]
        spent += [row["step_ms"][part] for part in ("vision", "prefill", "decode")]
        share = f"{row['prefilled_from_step_5']['mean']:.0%}"
        told = "".join(f"{each:>10.0f}" for each in spent)
        lines.append(
            f"  {name:<32}{told}{share:>10}" + ("" if row["same_answers"] else "  other answers")
        )
    return "\n".join(lines)


def main(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--model", type=Path, default=ROOT / "model" / "weights" / "nano")
    parser.add_argument("--style", nargs="+", default=["opencua-steady"], help="or: all")
    parser.add_argument("--patches", type=int, help="of a picture at most; default: the model's")
    parser.add_argument("--tokens", type=int, default=ANSWER_TOKENS, help="longest answer")
    parser.add_argument("--steps", type=int, default=NUM_STEPS, help="of the episode asked about")
    parser.add_argument("--variants", nargs="+", help="default: all of them")
    parser.add_argument("--random", action="store_true", help="random weights: code from the start")
    parser.add_argument("--sizes", nargs="+", choices=list(SIZES), default=list(SIZES))
    parser.add_argument("--perform", type=Path, metavar="FOLDER", help="episodes into it, and end")
    parser.add_argument("--performed", type=Path, metavar="FOLDER", help="ask about these episodes")
    parser.add_argument("--threads", type=int, default=2, help="of torch")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    options = parser.parse_args(words)
    if options.perform:
        for name in options.sizes:
            perform(SIZES[name], options.perform)
        return 0
    os.environ["OMP_NUM_THREADS"] = str(options.threads)

    from model.chat import ChatModel
    from model.images import ImageProcessor
    from model.processor import Processor

    model = ChatModel.from_pretrained(options.model)
    if options.patches:
        images = ImageProcessor(options.patches, model.processor.images.patch_size)
        model = ChatModel(model.network, Processor(model.processor.tokenizer, images))
    styles = STYLES if options.style == ["all"] else [style_named(name) for name in options.style]
    chosen = {name: variants()[name] for name in options.variants or variants()}
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in options.sizes:
            size = SIZES[name]
            ready: Path | None = options.performed
            episode = performed(size, ready) if ready else perform(size, Path(folder))
            del episode.steps[options.steps :]
            for style in styles:
                title = f"{name} {style.name}"
                found[title] = measure(
                    model,
                    episode,
                    style,
                    chosen,
                    max_new_tokens=options.tokens,
                    constraint=CODE_FROM_THE_START if options.random else ACTIONS,
                )
                print(table(title, found[title]), flush=True)
    measured_in = conditions()
    print(
        f"\n{options.steps} steps, {options.threads} threads on {measured_in['cores']} cores"
        f" at a load of {measured_in['load']:.1f}"
    )
    if options.json is not None:
        told = {
            "episodes": found,
            "model": str(options.model),
            "patches": options.patches,
            "threads": options.threads,
            **measured_in,
        }
        options.json.write_text(json.dumps(told, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
