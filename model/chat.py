"""What an agent holds: messages in, text out."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import torch

from model.config import read_json
from model.devices import best_place, bits_on_card, leave_room, stored_bytes
from model.generate import Generator, Shortcuts
from model.gpu.fuse import fused, is_fused
from model.images import ImageProcessor
from model.kimi_vl import KimiVL
from model.messages import Completion, Message, OnText, Sampling, assistant
from model.processor import Processor
from model.quantized.plan import Plan
from model.tokenizer import Tokenizer
from model.weights import OnProgress

FAMILIAR = (
    """## Thought:
The answer is typed; submit.
## Action:
Type "a" into the text field.
## Code:
```python
pyautogui.write('a')
```""",
    """## Action:
Click the "Submit" button.
## Code:
```python
pyautogui.click(x=0.50, y=0.50)
```""",
)
"""How answers look in the format of OpenCUA and Kimi-VL: what a greedy answer is guessed by."""


class ChatModel:
    """Fits `agent.policy.Policy` without knowing of it."""

    def __init__(
        self, network: KimiVL, processor: Processor, shortcuts: Shortcuts | None = None
    ) -> None:
        """
        Args:
            shortcuts: None: all of them.
        """
        self.network = network
        self.processor = processor
        self._generator = Generator(network, shortcuts=shortcuts, in_place=is_fused(network))
        self._num_prepared, self._prepare_seconds = 0, 0.0
        self._familiar_ids = processor.tokenizer.encode_chat(
            [assistant(answer) for answer in FAMILIAR], add_generation_prompt=False
        )

    @classmethod
    def from_pretrained(
        cls,
        path: str | Path,
        dtype: torch.dtype | None = None,
        device: str | None = None,
        on_progress: OnProgress | None = None,
    ) -> Self:
        """Network, tokenizer and image limits of one folder.

        Args:
            dtype, device: None: what `best_place` finds best.
            on_progress: told the bytes of weights read so far and those of all.

        Raises:
            CheckpointError: a file is missing or does not fit.
        """
        folder = Path(path)
        tokenizer = Tokenizer.from_file(folder / "tiktoken.model")
        best = best_place(stored_bytes(folder))
        leave_room()
        dtype, place = dtype or best.dtype, torch.device(device or best.device)
        if place.type == "cuda" and Plan.from_config(read_json(folder / "config.json")) is None:
            network = _on_card(folder, place, dtype, on_progress)
        else:
            network = KimiVL.from_pretrained(
                folder, dtype=dtype, device=place, on_progress=on_progress
            )
        config = network.config
        images = ImageProcessor(config.in_token_limit, config.vision.patch_size)
        return cls(network, Processor(tokenizer, images))

    @torch.inference_mode()
    def complete(
        self, messages: Sequence[Message], *, sampling: Sampling, on_text: OnText | None = None
    ) -> Completion:
        began = time.perf_counter()
        prompt = self.processor.prompt(messages)
        cut_seconds = time.perf_counter() - began
        guide = None
        if sampling.constraint is not None:
            # Half a second of imports that few need.
            from model.constrain import Guide

            guide = Guide(sampling.constraint, self.processor.tokenizer)
        stream = _TextStream(self.processor.tokenizer, on_text)
        generation = self._generator.run(
            prompt.input_ids,
            pictures=prompt.pictures,
            max_new_tokens=sampling.max_new_tokens,
            temperature=sampling.temperature,
            stop_ids=self.processor.tokenizer.stop_ids,
            seed=sampling.seed,
            on_token=stream.add,
            familiar_ids=self._familiar_ids,
            guide=guide,
        )
        ids = generation.token_ids
        seconds = {**generation.seconds, "vision": cut_seconds + generation.seconds["vision"]}
        if self._num_prepared:
            seconds["ahead"] = self._prepare_seconds
        num_prepared, self._num_prepared, self._prepare_seconds = self._num_prepared, 0, 0.0
        return Completion(
            text=self.processor.tokenizer.decode(ids[:-1] if generation.stopped else ids),
            token_ids=tuple(ids),
            log_probs=tuple(generation.log_probs),
            finished=generation.stopped,
            num_prompt_tokens=prompt.input_ids.shape[1],
            num_reused_tokens=generation.num_reused,
            num_prepared_tokens=num_prepared,
            num_passes=generation.num_passes,
            num_guessed=generation.num_guessed,
            num_right=generation.num_right,
            num_forced=generation.num_forced,
            seconds=seconds,
        )

    @torch.inference_mode()
    def prepare(self, messages: Sequence[Message]) -> None:
        """Compute what a later prompt begins with; what it cost is told with the next answer."""
        began = time.perf_counter()
        opening = self.processor.prompt(messages, add_generation_prompt=False)
        self._num_prepared += self._generator.prepare(opening.input_ids, opening.pictures)
        self._prepare_seconds += time.perf_counter() - began


def _on_card(
    folder: Path, card: torch.device, dtype: torch.dtype, on_progress: OnProgress | None
) -> KimiVL:
    """Read into memory, then fused and moved layer by layer: the card never holds it twice."""
    network = KimiVL.from_pretrained(folder, dtype=dtype, on_progress=on_progress)
    free_bytes, _ = torch.cuda.mem_get_info(card)
    fits = bits_on_card(stored_bytes(folder), free_bytes)
    return fused(network, card, fits if dtype == torch.bfloat16 else 16)


class _TextStream:
    """Tokens to text as they come; bytes wait until they are whole characters."""

    def __init__(self, tokenizer: Tokenizer, on_text: OnText | None) -> None:
        self.tokenizer, self.on_text = tokenizer, on_text
        self._waiting = b""

    def add(self, token_id: int) -> None:
        if self.on_text is None or token_id in self.tokenizer.stop_ids:
            return
        self._waiting += self.tokenizer.decode_bytes([token_id])
        try:
            text = self._waiting.decode()
        except UnicodeDecodeError as error:
            if error.reason == "unexpected end of data":
                return
            text = self._waiting.decode(errors="replace")
        self._waiting = b""
        self.on_text(text)
