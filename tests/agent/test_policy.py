from dataclasses import dataclass

import pytest
from PIL import Image

from agent.errors import PolicyFailed
from agent.parser import parse
from agent.policy import ExpertPolicy, ScriptedPolicy, blind, near_sighted
from agent.proposals import PressKeys
from env.actions import Action, Keys
from env.miniwob.experts.registry import ExpertLost
from env.screen import ScreenSize
from model.messages import ImagePart, Sampling, system, user

SIZE = ScreenSize(160, 210)


ENTER = Keys(("enter",))


@dataclass(frozen=True)
class Move:
    action: Action = ENTER
    words: str = "Press enter."
    thought: str = "It is typed."


def test_prepared_answers_come_in_order_and_then_none() -> None:
    pieces: list[str] = []
    policy = ScriptedPolicy(["a", "b"])
    given = [policy.complete([], sampling=Sampling(), on_text=pieces.append).text for _ in "ab"]
    assert given == pieces == ["a", "b"]
    with pytest.raises(PolicyFailed, match="no answer left after 2"):
        policy.complete([], sampling=Sampling())


def test_an_expert_answers_as_a_model_is_to_write() -> None:
    completion = ExpertPolicy(Move, SIZE).complete([], sampling=Sampling())
    parsed = parse(completion.text)
    assert (parsed.thought, parsed.sentence) == ("It is typed.", "Press enter.")
    assert parsed.proposals == (PressKeys(("enter",)),)


def test_an_expert_that_is_lost_is_not_the_models_mistake() -> None:
    def lost() -> Move:
        raise ExpertLost("a page without buttons")

    with pytest.raises(PolicyFailed, match="a page without buttons"):
        ExpertPolicy(lost, SIZE).complete([], sampling=Sampling())


def test_a_blind_policy_gets_the_words_and_black_pictures() -> None:
    inner = ScriptedPolicy(["ok"])
    picture = Image.new("RGB", (4, 3), "white")
    blind(inner).complete([system("S"), user(ImagePart(picture), "Click OK.")], sampling=Sampling())
    (_, message) = inner.seen[0]
    shown = message.parts[0]
    assert isinstance(shown, ImagePart)
    assert (shown.image.size, shown.image.getextrema()) == ((4, 3), ((0, 0),) * 3)
    assert message.text == "Click OK."


@pytest.mark.parametrize(
    ("size", "shown_size"),
    [((800, 1050), (160, 210)), ((1920, 1080), (210, 118)), ((4, 3), (4, 3))],
)
def test_a_near_sighted_policy_gets_the_same_picture_smaller(
    size: tuple[int, int], shown_size: tuple[int, int]
) -> None:
    inner = ScriptedPolicy(["ok"])
    picture = Image.new("RGB", size, "white")
    picture.paste("black", (0, 0, size[0] // 2, size[1]))
    near_sighted(inner, 210).complete([user(ImagePart(picture), "Click.")], sampling=Sampling())
    shown = inner.seen[0][0].parts[0]
    assert isinstance(shown, ImagePart)
    assert shown.image.size == shown_size
    ends = [shown.image.getpixel((x, 1)) for x in (0, shown_size[0] - 1)]
    assert ends == [(0, 0, 0), (255, 255, 255)]
