"""What a network loses by fewer bits: how often its next token is the same, on real steps.

    python -m benchmarks.quantized --runs RUNS --steps 200 --out quantized.json

Converts `--model` (nano) to 8 bits, to 4, and to 4 calibrated on other steps of the same runs, and
reads the steps with each: agreement is the share of positions at which the likeliest next token is
that of the network in float32. "answers" are the positions where the agent's answer is written;
"all" has the prompt's own text too. For what becomes of the success rate, the same evaluation of
both (an hour each on two cores):

    python main.py quantize nano nano-int4 --bits 4
    python main.py eval miniwob --model nano --out results/nano --episodes 5
    python main.py eval miniwob --model nano-int4 --out results/nano-int4 --episodes 5
"""

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from agent.demonstrations import demonstrations
from agent.prompts import NANO
from model.chat import ChatModel
from model.quantized.kit import asked, convert
from model.shelf import weights_folder
from model.train.samples import Conversation


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--runs", type=Path, required=True, help="a folder of run folders")
    parser.add_argument("--model", default="nano")
    parser.add_argument("--steps", type=int, default=200, help="to measure on")
    parser.add_argument("--calibrate", type=int, default=64, help="other steps, to calibrate on")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, help="a JSON file of what is printed")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    every = [step.conversation for step in demonstrations(options.runs, NANO)]
    measured = every[:: max(1, len(every) // options.steps)][: options.steps]
    known = {id(step) for step in measured}
    others = [step for step in every if id(step) not in known]
    others = others[:: max(1, len(others) // options.calibrate)][: options.calibrate]
    exact = ChatModel.from_pretrained(weights_folder(options.model), torch.float32, "cpu")
    expected = likeliest(exact, measured)
    found = [{"weights": "bfloat16", **agreement(exact_in_half(options.model), measured, expected)}]
    with tempfile.TemporaryDirectory() as room:
        for name, bits, steps in (("int8", 8, []), ("int4", 4, []), ("int4 calibrated", 4, others)):
            folder = Path(room) / name
            started = time.perf_counter()
            convert(
                *(options.model, folder),
                bits=bits,
                vision_bits=16,
                threads=options.threads,
                steps=steps,
            )
            taken = time.perf_counter() - started
            model = ChatModel.from_pretrained(folder, torch.float32, "cpu")
            row = {"weights": name, "seconds to convert": round(taken, 1)}
            found.append(row | agreement(model, measured, expected))
            print(json.dumps(found[-1]), flush=True)
    print(json.dumps(found[0]))
    if options.out:
        options.out.write_text(json.dumps(found, indent=1) + "\n")


def exact_in_half(name: str) -> ChatModel:
    return ChatModel.from_pretrained(weights_folder(name), torch.bfloat16, "cpu")


@torch.inference_mode()
def likeliest(model: ChatModel, steps: Sequence[Conversation]) -> list[tuple[torch.Tensor, int]]:
    """Of every step the likeliest token after each, and where the last answer begins."""
    found = []
    for step in steps:
        messages = asked(step)
        prompt = model.processor(messages, False)
        opening = model.processor(messages[:-1], True).input_ids.shape[1]
        logits = model.network(prompt.input_ids, prompt.pixel_values, prompt.image_grid_hws)
        found.append((logits[0].argmax(-1), opening - 1))
    return found


def agreement(
    model: ChatModel, steps: Sequence[Conversation], expected: Sequence[tuple[torch.Tensor, int]]
) -> dict[str, object]:
    computed = likeliest(model, steps)
    pairs = [
        (ours == theirs, at) for (ours, at), (theirs, _) in zip(computed, expected, strict=True)
    ]
    answers = torch.cat([same[at:] for same, at in pairs]).float()
    whole = torch.stack([same[at:].all() for same, at in pairs]).float()
    return {
        "steps": len(steps),
        "answers": round(float(answers.mean()), 4),
        "answers alike to the last token": round(float(whole.mean()), 4),
        "all": round(float(torch.cat([same for same, _ in pairs]).float().mean()), 4),
    }


if __name__ == "__main__":
    main()
