"""The network under transformers' names: `import model.hf`, and the Auto classes know Kimi-VL.

    import model.hf
    from transformers import AutoModelForImageTextToText, AutoProcessor
    network = AutoModelForImageTextToText.from_pretrained(folder)
    processor = AutoProcessor.from_pretrained(folder)

A folder in the public layout is read and written; nothing of its own code is run, and
`trust_remote_code` is not needed. The modules are those of `model.kimi_vl`, under the public
names, so that `generate`, PEFT and whoever walks over `named_modules` find what they expect.
For an agent `model.chat` is quicker: it reuses the last prompt and guesses ahead.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor
from transformers import (
    AutoConfig,
    AutoModelForImageTextToText,
    AutoProcessor,
    BatchFeature,
    GenerationMixin,
    PreTrainedConfig,
    PreTrainedModel,
    ProcessorMixin,
)
from transformers.utils import ModelOutput

from model.cache import LatentCache
from model.config import KimiVLConfig
from model.images import ImageProcessor
from model.kimi_vl import KimiVL
from model.messages import ImagePart, Message, TextPart
from model.processor import Processor
from model.tokenizer import Tokenizer

NO_LOSS = -100


class KimiVLHfConfig(PreTrainedConfig):
    """The public `config.json`, its two parts as they are; `sizes` has them checked."""

    model_type = "kimi_vl"

    vision_config: dict[str, Any] | None = None
    text_config: dict[str, Any] | None = None
    media_placeholder_token_id: int = 163605

    @property
    def sizes(self) -> KimiVLConfig:
        """
        Raises:
            CheckpointError: a field is missing or impossible.
        """
        return KimiVLConfig.from_hf(
            {
                "vision_config": self.vision_config,
                "text_config": self.text_config,
                "media_placeholder_token_id": self.media_placeholder_token_id,
            }
        )

    def get_text_config(self, *_args: Any, **_kwargs: Any) -> "KimiVLHfConfig":
        """Whoever asks wants the sizes below, which are the decoder's."""
        return self

    @property
    def hidden_size(self) -> int:
        return self.sizes.text.hidden_size

    @property
    def num_hidden_layers(self) -> int:
        return self.sizes.text.num_hidden_layers

    @property
    def num_attention_heads(self) -> int:
        return self.sizes.text.num_attention_heads

    @property
    def max_position_embeddings(self) -> int:
        return self.sizes.text.max_position_embeddings


@dataclass
class KimiVLOutput(ModelOutput):
    loss: Tensor | None = None
    logits: Tensor | None = None
    cache: LatentCache | None = None


class KimiVLForConditionalGeneration(PreTrainedModel, GenerationMixin):
    config_class = KimiVLHfConfig
    base_model_prefix = ""
    main_input_name = "input_ids"
    input_modalities = ["image", "text"]  # noqa: RUF012 (transformers' way)
    _no_split_modules = ["VisionBlock", "DecoderLayer"]  # noqa: RUF012
    _keep_in_fp32_modules_strict = {"e_score_correction_bias"}  # noqa: RUF012
    _keys_to_ignore_on_load_unexpected = [r"rotary_emb\.inv_freq"]  # noqa: RUF012

    def __init__(self, config: KimiVLHfConfig) -> None:
        super().__init__(config)
        network = KimiVL(config.sizes)
        self.vision_tower = network.vision_tower
        self.multi_modal_projector = network.multi_modal_projector
        self.language_model = network.language_model
        # In a tuple, so that the shared modules are not registered under a second name.
        self._shared = (network,)
        self.post_init()

    @classmethod
    def _supports_default_dynamic_cache(cls) -> bool:
        """The latent cache is no `Cache` of transformers, whose layers hold expanded heads."""
        return False

    def get_input_embeddings(self) -> torch.nn.Module:
        return self.language_model.model.embed_tokens

    def get_output_embeddings(self) -> torch.nn.Module:
        return self.language_model.lm_head

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        pixel_values: Tensor | None = None,
        image_grid_hws: Tensor | None = None,
        labels: Tensor | None = None,
        cache: LatentCache | None = None,
        use_cache: bool = False,
        logits_to_keep: int = 0,
        **_unused: Any,
    ) -> KimiVLOutput:
        """
        Args:
            attention_mask: [B, past + T], 1 at tokens and 0 at padding.
            labels: [B, T], the ids themselves; -100 where nothing is learned.
            logits_to_keep: of the last positions; 0: of all.
        """
        [network] = self._shared
        if cache is None and use_cache:
            cache = LatentCache(network.config.text.num_hidden_layers)
        if attention_mask is not None and bool(attention_mask.all()):
            attention_mask = None
        embedded = network.embed(input_ids, pixel_values, image_grid_hws)
        hidden = network.hidden(embedded, cache, attention_mask)
        logits = network.language_model.lm_head(hidden[:, -logits_to_keep:]).float()
        loss = None
        if labels is not None:
            loss = F.cross_entropy(
                logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten(), ignore_index=NO_LOSS
            )
        return KimiVLOutput(loss=loss, logits=logits, cache=cache)

    def prepare_inputs_for_generation(
        self,
        input_ids: Tensor,
        cache: LatentCache | None = None,
        attention_mask: Tensor | None = None,
        pixel_values: Tensor | None = None,
        image_grid_hws: Tensor | None = None,
        use_cache: bool = True,
        **_unused: Any,
    ) -> dict[str, Any]:
        """The tokens the cache has not seen; pictures with the prompt only."""
        inputs: dict[str, Any] = {
            "input_ids": input_ids[:, cache.length if cache else 0 :],
            "attention_mask": attention_mask,
            "cache": cache,
            "use_cache": use_cache,
            "logits_to_keep": 1,
        }
        if cache is None:
            inputs |= {"pixel_values": pixel_values, "image_grid_hws": image_grid_hws}
        return inputs


class KimiVLProcessor(ProcessorMixin):
    """Messages and pictures to tensors, ids to text; rows are padded on the left."""

    def __init__(self, processor: Processor) -> None:
        self.inner = processor

    @classmethod
    def from_pretrained(  # type: ignore[override]
        cls, folder: str | Path, **_unused: Any
    ) -> Self:
        """
        Raises:
            CheckpointError: no tokenizer or no config there.
        """
        config = KimiVLConfig.from_folder(Path(folder))
        tokenizer = Tokenizer.from_file(Path(folder) / "tiktoken.model")
        images = ImageProcessor(config.in_token_limit, config.vision.patch_size)
        return cls(Processor(tokenizer, images))

    def apply_chat_template(  # type: ignore[override]
        self,
        conversation: Sequence[Any],
        add_generation_prompt: bool = True,
        tokenize: bool = True,
        **_unused: Any,
    ) -> BatchFeature | str:
        """One conversation or several: dicts with a role, and content that is text or parts
        (`{"type": "text", "text": ...}`, `{"type": "image", "image": a PIL picture}`).

        Not a template: control tokens in a text stay text.
        """
        chats = [conversation] if isinstance(conversation[0], dict) else list(conversation)
        messages = [[_message(said) for said in chat] for chat in chats]
        if not tokenize:
            return self.inner.tokenizer.render(messages[0], add_generation_prompt)
        return self._padded([self.inner(chat, add_generation_prompt) for chat in messages])

    def decode(self, ids: Tensor | Sequence[int], **_unused: Any) -> str:
        return self.inner.tokenizer.decode([int(token_id) for token_id in ids])

    def batch_decode(self, rows: Sequence[Any], **_unused: Any) -> list[str]:
        return [self.decode(row) for row in rows]

    def _padded(self, rows: Sequence[Any]) -> BatchFeature:
        length = max(row.input_ids.shape[1] for row in rows)
        pad = self.inner.tokenizer.special["[PAD]"]
        ids = torch.full((len(rows), length), pad)
        mask = torch.zeros(len(rows), length, dtype=torch.int64)
        for index, row in enumerate(rows):
            ids[index, length - row.input_ids.shape[1] :] = row.input_ids
            mask[index, length - row.input_ids.shape[1] :] = 1
        found = {"input_ids": ids, "attention_mask": mask}
        shown = [row for row in rows if row.pixel_values is not None]
        if shown:
            found["pixel_values"] = torch.cat([row.pixel_values for row in shown])
            found["image_grid_hws"] = torch.cat([row.image_grid_hws for row in shown])
        return BatchFeature(found)


def _message(said: dict[str, Any]) -> Message:
    content = said["content"]
    if isinstance(content, str):
        return Message(said["role"], (TextPart(content),))
    return Message(said["role"], tuple(_part(part) for part in content))


def _part(part: dict[str, Any]) -> TextPart | ImagePart:
    match part:
        case {"type": "text", "text": str(text)}:
            return TextPart(text)
        case {"type": "image", "image": Image.Image() as image}:
            return ImagePart(image)
        case _:
            raise ValueError(f"a part of {sorted(part)}; expected a text or a PIL image")


AutoConfig.register("kimi_vl", KimiVLHfConfig)
AutoModelForImageTextToText.register(KimiVLHfConfig, KimiVLForConditionalGeneration)
AutoProcessor.register(KimiVLHfConfig, KimiVLProcessor)
