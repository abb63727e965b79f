"""Every subcommand's flags, a dataclass each; what they do is in `main.py`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from agent.miniwob import DEMO_TASKS, TASK_SETS
from agent.prompts import AUTO
from ui.arguments import POSITIONAL
from ui.asking import ASK, Ask

TASKS = ", ".join(TASK_SETS)
SOME_TASKS = f"a set ({TASKS}), or names with commas"
MODEL = "nano, a folder of weights, or the address of an OpenAI-compatible server (http://...)"
VIEW = "virtual: let yourself see the desktop; vnc prints where a viewer finds it, and a password"
NO_SANDBOX = "let applications run unconfined, with all rights that you have"
NETWORK = "virtual: its applications reach other machines, but nothing of this one"
MONITOR = "real: the one monitor to work, as xrandr names it"
POINTER = "real: draw the pointer into what the model sees"
STOP_KEY = "real: struck twice, wherever the focus is, it stops all"
STOP_WITHIN = "real: seconds from the first stroke to the second"
STATS = "then tell where the steps' time went: by part, rates, prompt tokens reused"
STYLE = "of the prompt: auto (nano's for nano, opencua-steady for others), nano, opencua"
NANO_WEIGHTS = Path(__file__).parents[1] / "model" / "weights" / "nano"


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """Watch the agent do tasks it has never seen, in a browser window on a virtual desktop."""

    model: Annotated[str, f"{MODEL}, or expert"] = "nano"
    tasks: Annotated[str, "names with commas; one unseen episode each"] = ",".join(DEMO_TASKS)
    seed: Annotated[int, "which unseen episodes: a round of its own"] = 900
    out: Annotated[Path, "folder for the run folder"] = Path("runs")
    stats: Annotated[bool, STATS] = False
    view: Annotated[Literal["none", "vnc"], VIEW] = "none"
    no_sandbox: Annotated[bool, NO_SANDBOX] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Do one task, given in words, on a screen."""

    instruction: Annotated[str, "what to do", POSITIONAL]
    desktop: Annotated[str, "virtual, browser, fake, real or osworld://HOST:PORT"] = "virtual"
    model: Annotated[str, MODEL] = "nano"
    style: Annotated[str, STYLE] = AUTO
    constrained: Annotated[bool, "the model can write no code but that of an action"] = False
    ask: Annotated[Ask, ASK] = "auto"
    url: Annotated[str | None, "a page to open first, in a browser"] = None
    max_steps: Annotated[int, "steps before it is given up"] = 15
    out: Annotated[Path, "folder for the run folder"] = Path("runs")
    stats: Annotated[bool, STATS] = False
    view: Annotated[Literal["none", "vnc"], VIEW] = "none"
    no_sandbox: Annotated[bool, NO_SANDBOX] = False
    network: Annotated[bool, NETWORK] = False
    monitor: Annotated[str | None, MONITOR] = None
    pointer: Annotated[bool, POINTER] = False
    stop_key: Annotated[str, STOP_KEY] = "escape"
    stop_within: Annotated[float, STOP_WITHIN] = 0.6

    def __post_init__(self) -> None:
        refuse_unless_virtual(self.desktop, self.view, network=self.network)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chat:
    """Ask the model one question, with pictures or without; the answer is printed as it comes."""

    question: Annotated[str, "what to ask", POSITIONAL]
    image: Annotated[tuple[Path, ...], "a picture to ask about; may be given several times"] = ()
    video: Annotated[Path | None, "a video, shown as a frame a second with its time"] = None
    model: Annotated[str, MODEL] = "nano"
    system: Annotated[str, "what the model is told it is"] = "You are a GUI agent."
    temperature: Annotated[float, "0: the likeliest answer; 0.8 suits Kimi-VL-Thinking"] = 0.0
    max_tokens: Annotated[int, "longest answer"] = 512
    stats: Annotated[bool, "also tell tokens, rates and memory"] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Eval:
    """Run a suite of tasks and write what came out, as numbers that compare."""

    suite: Annotated[
        str, "miniwob, desktop, osworld, screenspot, or form: five tasks in memory", POSITIONAL
    ]
    out: Annotated[Path, "folder for results; what is finished in it is not run again"]
    model: Annotated[
        str,
        f"{MODEL}; miniwob: or expert; others: or oracle (solves it), idle (does nothing) or"
        " gives-up (says it cannot be done)",
    ] = "nano"
    tasks: Annotated[
        str,
        f"names with commas. miniwob: or a set ({TASKS}); desktop, osworld: domains, ids,"
        " or an index file such as test_small.json",
    ] = ""
    files: Annotated[Path | None, "osworld: its evaluation_examples"] = None
    mirror: Annotated[Path | None, "osworld: the files of its hub, or its cache"] = None
    download: Annotated[
        str, "osworld: fetch what the mirror lacks, from these hosts alone: huggingface.co"
    ] = ""
    episodes: Annotated[int | None, "of each task: 20 unseen seeds of miniwob, else 1"] = None
    seed: Annotated[
        int, "miniwob: round, whose seeds start at 10,000,000 + 1000 times this; else the sampler's"
    ] = 0
    workers: Annotated[
        str, "processes, each with a screen and a model; or ray://HOST:PORT, a Ray cluster"
    ] = "1"
    images: Annotated[
        Path | None, "screenspot: a folder with pictures and annotations, as theirs"
    ] = None
    blind: Annotated[bool, "feed black pictures: what is left is not reading"] = False
    font: Annotated[str, "miniwob: write all pages in this font; what was not trained on"] = ""
    longest_side: Annotated[
        int | None, "desktop, osworld: scale pictures down to it; 210 is what nano learned on"
    ] = None
    max_steps: Annotated[int | None, "answers an episode: 30 of miniwob, else 15"] = None
    other_answers: Annotated[
        int, "miniwob: drawn at most in place of doing the same on the same screen again"
    ] = 0
    style: Annotated[str, f"{STYLE}; of miniwob always nano's"] = AUTO
    osworld_exact: Annotated[bool, "keep OSWorld's flaws, for numbers that compare"] = False
    recording: Annotated[Literal["mp4", "webm", "none"], "kept beside each result"] = "mp4"
    stats: Annotated[bool, STATS] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Targets:
    """Make a grounding set of this machine's own screens, in ScreenSpot-Pro's format."""

    out: Annotated[Path, "folder for images/ and annotations/; then: eval screenspot --images"]
    of: Annotated[
        Literal["web", "desktop"], "MiniWoB++ pages; or LibreOffice, GIMP and the suite's others"
    ] = "web"
    seed: Annotated[int, "of the pages; or of the menus that are opened"] = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Resume:
    """Go on with a run whose process died; what may have been done already is not done again."""

    path: Annotated[Path, "the run folder", POSITIONAL]
    desktop: Annotated[str, "real, or osworld://HOST:PORT: one that outlived the run"] = "real"
    model: Annotated[str | None, "the run's own if not given"] = None
    ask: Annotated[Ask, ASK] = "auto"
    max_steps: Annotated[int, "steps before it is given up, those before included"] = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """Look into runs: check every byte, repair what was damaged, show what was done."""

    what: Annotated[Literal["check", "repair", "show"], "what to do", POSITIONAL]
    path: Annotated[Path, "a run folder, or a folder with some", POSITIONAL]
    find: Annotated[str, "show: only episodes with these words"] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Record a demonstration of yours, look through it, and keep what may be learned from."""

    desktop: Annotated[str, "real (this X11 session) or virtual"] = "real"
    task: Annotated[str, "what will be done, in words; asked for if not given"] = ""
    url: Annotated[str | None, "virtual: a page to open first"] = None
    view: Annotated[Literal["none", "vnc"], VIEW + " to work it by"] = "none"
    no_sandbox: Annotated[bool, NO_SANDBOX] = False
    network: Annotated[bool, NETWORK] = False
    exclude: Annotated[
        tuple[str, ...], "typed text like this is never kept: a regular expression"
    ] = ()
    private_window: Annotated[tuple[str, ...], "nor anything in windows with such a title"] = ()
    keep: Annotated[bool, "do not ask; what was not looked through is never trained on"] = False
    keep_raw: Annotated[bool, "keep the recording too, every event of it"] = False
    video: Annotated[bool, "the screen as one lossless video, not as a picture a change"] = False
    out: Annotated[Path, "folder for the run folder"] = Path("runs")

    def __post_init__(self) -> None:
        refuse_unless_virtual(self.desktop, self.view, network=self.network)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reduce:
    """Show the actions a recording comes to."""

    path: Annotated[Path, "the recording's folder", POSITIONAL]
    opencua: Annotated[bool, "AgentNetTool's recording, by their rules, as their files"] = False
    out: Annotated[Path | None, "with --opencua: where to; into the recording if not given"] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """Write runs as HTML pages that need nothing else; or film one, or perform it once more."""

    path: Annotated[Path, "a run folder; for pages also a folder with some", POSITIONAL]
    desktop: Annotated[str | None, "do again what was done, on virtual, browser or fake"] = None
    url: Annotated[str | None, "a page to open first, in a browser"] = None
    film: Annotated[Path | None, "an .mp4 or .gif to write"] = None
    episode: Annotated[int, "which one to film or perform, counted from 0"] = 0
    no_sandbox: Annotated[bool, NO_SANDBOX] = False
    network: Annotated[bool, NETWORK] = False

    def __post_init__(self) -> None:
        refuse_unless_virtual(self.desktop, network=self.network)


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """Write runs for training and for other programs."""

    paths: Annotated[tuple[Path, ...], "run folders, or folders with some", POSITIONAL]
    out: Annotated[Path, "folder to write to"]
    format: Annotated[
        Literal[
            "sft",
            "llava",
            "parquet",
            "webdataset",
            "agentnet",
            "opencua",
            "opencua-raw",
            "bench",
            "osworld",
        ],
        "sft, llava, parquet and webdataset hold samples, the others whole episodes; opencua-raw:"
        " AgentNetTool's folder, of runs and of recordings",
    ] = "sft"
    style: Annotated[str, "of the prompt: nano, opencua, opencua-steady, -l1, -l3"] = "nano"
    level: Annotated[
        Literal[0, 1, 2, 3],
        "of the answers: 1 action, 2 thought too, 3 observation too; 0: as they were said",
    ] = 0
    failed: Annotated[bool, "also episodes that did not succeed"] = False
    takeover: Annotated[bool, "also episodes in which a person stepped in"] = False
    alarm: Annotated[bool, "also episodes in which a guard held something back"] = False
    validation: Annotated[float, "share of the tasks that is kept for validation"] = 0.0
    test: Annotated[float, "share of the tasks that is kept for testing"] = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """Make a run of other people's demonstrations."""

    path: Annotated[Path, "the file; or the folder: of a recording, results, an export", POSITIONAL]
    out: Annotated[Path, "folder for the run folder"] = Path("runs")
    format: Annotated[
        Literal[
            "agentnet",
            "opencua",
            "opencua-raw",
            "opencua-recording",
            "osworld",
            "sft",
            "llava",
            "parquet",
            "webdataset",
        ],
        "agentnet: .jsonl with images/ beside it; opencua: standardized .json or .jsonl;"
        " opencua-raw: AgentNetTool's recording by its rules, opencua-recording: by ours;"
        " osworld: its results; llava: LLaVA's or ShareGPT's conversations",
    ] = "agentnet"
    tasks: Annotated[
        Path | None, "osworld: its evaluation_examples, where results do not say the instruction"
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """Score a model on recorded steps, as AgentNetBench does, by both of its published rules."""

    path: Annotated[Path, "folder of AgentNetBench's task files, or of runs", POSITIONAL]
    out: Annotated[Path, "folder for the answers and metric.json"]
    model: Annotated[str, MODEL] = "nano"
    style: Annotated[str, "of the prompt: nano, opencua, opencua-steady, -l1, -l3"] = "opencua"
    images: Annotated[Path | None, "folder of the pictures; images/ in it if not given"] = None
    max_tokens: Annotated[int, "longest answer"] = 1500


@dataclass(frozen=True, slots=True, kw_only=True)
class Think:
    """Have a model write thoughts about demonstrations; goes on where it stopped."""

    path: Annotated[Path, "a run folder, or a folder with some", POSITIONAL]
    model: Annotated[str, MODEL]
    max_tokens: Annotated[int, "longest answer"] = 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class Collect:
    """Expert demonstrations, or a learner's episodes with the expert's advice, as run folders."""

    out: Annotated[Path, "folder for the run folders"]
    tasks: Annotated[str, SOME_TASKS] = "experts"
    episodes: Annotated[int, "episodes a task"] = 10
    seed: Annotated[int, "first seed; below 1,000,000"] = 0
    workers: Annotated[int, "processes"] = 1
    noise: Annotated[float, "share of the expert's steps that are spoilt"] = 0.0
    model: Annotated[str, "who acts: expert, nano or a folder of weights"] = "expert"
    max_steps: Annotated[int, "steps an episode; a learner that is lost teaches little more"] = 30
    reload: Annotated[bool, "load the page anew for every episode"] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """Photograph and label pages of random text, for the vision tower to learn reading from."""

    out: Annotated[Path, "folder for the pages"]
    desktop: Annotated[bool, "screens of real programs instead, on a virtual desktop"] = False
    pages: Annotated[int, "how many"] = 8000
    seed: Annotated[int, "of the first page"] = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """Make the small tokenizer from the wording of the tasks and their demonstrations."""

    runs: Annotated[Path, "folder with run folders"]
    out: Annotated[Path, "the file to write, e.g. data/tiktoken.model"]
    ranks: Annotated[int, "tokens, the 256 special ones not counted"] = 768


@dataclass(frozen=True, slots=True, kw_only=True)
class Pretrain:
    """Train a network from nothing through every stage of a recipe; goes on where it stopped."""

    recipe: Annotated[str, "nano, paper (every stage of the paper), or a JSON file"] = "nano"
    data: Annotated[Path, "folder with specimens/, runs/, held-out/ for gates, tiktoken.model"] = (
        Path("data")
    )
    out: Annotated[Path, "folder for checkpoints and metrics"] = Path("checkpoints/nano")
    threads: Annotated[int, "of torch"] = 1
    readers: Annotated[int, "processes that draw batches ahead, for a GPU"] = 0
    tensorboard: Annotated[bool, "also write event files, into out/tensorboard"] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sft:
    """Fine-tune a checkpoint on demonstrations: one stage, from a folder of weights."""

    config: Annotated[Path, "the stage, as JSON"]
    out: Annotated[Path, "folder for checkpoints and metrics"]
    init: Annotated[str, "nano or a folder of weights to start from"] = "nano"
    data: Annotated[Path, "folder with runs/, and specimens/ if the stage wants it"] = Path("data")
    style: Annotated[str, "of the prompts, as `run` will ask: nano, opencua-steady, ..."] = "nano"
    threads: Annotated[int, "of torch"] = 1
    readers: Annotated[int, "processes that draw batches ahead, for a GPU"] = 0
    tensorboard: Annotated[bool, "also write event files, into out/tensorboard"] = False


def refuse_unless_virtual(desktop: str | None, view: str = "none", *, network: bool) -> None:
    """Raise `ValueError` if one is asked for that only a virtual desktop has."""
    for flag, asked in ((f"--view {view}", view != "none"), ("--network", network)):
        if asked and desktop != "virtual":
            raise ValueError(f"{flag} is of a virtual desktop, not of {desktop}")
