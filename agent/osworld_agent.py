"""Moonhand in the seat of an agent of OSWorld's own runners: `predict`, `reset`, nothing else.

    from agent.osworld_agent import MoonhandAgent
    from main import open_policy
    agent = MoonhandAgent(open_policy("nano"), style=NANO)    # in run.py or run_multienv.py

An observation is OSWorld's dictionary; of it the PNG under "screenshot" is
looked at. An action is a line of pyautogui in pixels of that picture, or DONE,
FAIL, WAIT. Out of steps is not turned into FAIL: a task that is finished and
not declared keeps its points.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from io import BytesIO
from typing import Any

from PIL import Image

from agent import parser
from agent.coords import to_screen
from agent.errors import GroundingError, ParseError
from agent.memory import Memory
from agent.parser import Parsed
from agent.policy import Policy
from agent.prompts import OPENCUA, PromptStyle, render
from agent.proposals import Finish, Proposal
from env.errors import ActionRefused
from env.pyautogui_code import WAIT, pyautogui_code
from env.screen import ScreenSize
from model.messages import Sampling

DONE, FAIL = "DONE", "FAIL"
"""DesktopEnv's words for the end of an episode."""

_MOST_TRIES = 3
"""Unusable answers to one screen, as the loop's `max_unparseable`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    response: str
    """The answer as it was given; runners write it to traj.jsonl."""
    actions: list[str]
    thought: str = ""
    sentence: str = ""


class StepPredictor:
    """Answers a screenshot at a time and remembers the episode; what both agents below are."""

    action_space = "pyautogui"
    observation_type = "screenshot"

    def __init__(
        self,
        policy: Policy,
        *,
        style: PromptStyle = OPENCUA,
        sampling: Sampling | None = None,
        password: str = "",
    ) -> None:
        """
        Args:
            password: the machine's, told to the model as OSWorld's other agents tell it; empty:
                not told.
        """
        if password:
            told = f"{style.system_text}\n\nThe password of the computer is {password}."
            style = replace(style, system_text=told)
        self._policy = policy
        self._style = style
        self._sampling = sampling or Sampling(max_new_tokens=1500)
        self.reset()

    def reset(self, _logger: logging.Logger | None = None, **told: object) -> None:
        """A new episode.

        Args:
            _logger: the runner's, for this task's runtime.log; positional in every runner.
            told: `vm_ip` and whatever else a runner knows of the machine; not needed here.
        """
        self._log = _logger or logging.getLogger("desktopenv.agent")
        self._memory = Memory(self._style.most_screenshots)
        self._last_screen: bytes | None = None

    def step(self, instruction: str, obs: Mapping[str, Any]) -> Prediction:
        """
        Raises:
            PolicyFailed, ModelError: nobody answered.
        """
        png = obs["screenshot"]
        if png is None:
            # DesktopEnv gave up after three tries; another look may be luckier.
            return Prediction(response="no screenshot was to be had", actions=[WAIT])
        image = Image.open(BytesIO(png)).convert("RGB")
        screen = image.tobytes()
        self._memory.last_step_changed(screen != self._last_screen)
        self._last_screen = screen
        return self._asked(instruction, image)

    def _asked(self, instruction: str, image: Image.Image) -> Prediction:
        answer = ""
        for _ in range(_MOST_TRIES):
            messages = render(self._style, instruction, self._memory.steps, image)
            answer = self._policy.complete(messages, sampling=self._sampling).text
            try:
                parsed = parser.parse(answer)
                actions = _actions(parsed, ScreenSize(*image.size))
            except (ParseError, GroundingError, ActionRefused) as error:
                self._log.warning("unusable answer: %s", error)
                thought, sentence = parser.said(answer)
                self._remember(thought, sentence, image, str(error))
                continue
            self._remember(parsed.thought, parsed.sentence, image, "")
            self._log.info("%s -> %s", parsed.sentence, actions)
            return Prediction(
                response=answer,
                actions=actions,
                thought=parsed.thought,
                sentence=parsed.sentence,
            )
        # The task is graded as it stands; FAIL would forbid that.
        return Prediction(response=answer, actions=[DONE])

    def _remember(self, thought: str, sentence: str, image: Image.Image, error: str) -> None:
        self._memory.remember(thought=thought, sentence=sentence, error=error, image=image)


class MoonhandAgent(StepPredictor):
    """For `run.py`, `run_multienv.py` and whatever unpacks two values."""

    def predict(
        self, instruction: str, obs: Mapping[str, Any], **told: object
    ) -> tuple[str, list[str]]:
        """The answer and its actions.

        Args:
            told: what some runners add, e.g. `step_idx`.
        """
        predicted = self.step(instruction, obs)
        return predicted.response, predicted.actions


class MoonhandInfoAgent(StepPredictor):
    """For `run_multienv_opencua.py`, the Kimi runner and whatever unpacks three values."""

    def predict(
        self, instruction: str, obs: Mapping[str, Any], **told: object
    ) -> tuple[str, list[str], dict[str, str]]:
        """As `MoonhandAgent.predict`, and the words for `natural_language_action`."""
        predicted = self.step(instruction, obs)
        info = {
            "thought": predicted.thought,
            "action": predicted.sentence,
            "code": "\n".join(predicted.actions),
        }
        return predicted.response, predicted.actions, info


def _actions(parsed: Parsed, size: ScreenSize) -> list[str]:
    return [_action(proposal, size) for proposal in parsed.proposals]


def _action(proposal: Proposal, size: ScreenSize) -> str:
    if isinstance(proposal, Finish):
        return DONE if proposal.success else FAIL
    return pyautogui_code(to_screen(proposal, size))
