"""Kimi-VL: pictures through MoonViT and the projector, into the decoder's text.

Module names are the public checkpoint's, so a state dict is the public layout.

Shapes: N patches, B batch, T tokens, V vocabulary.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Self

import torch
from torch import Tensor, nn

from model.attention import Stretch
from model.cache import LatentCache
from model.config import KimiVLConfig, read_json
from model.decoder import Decoder
from model.errors import ImageRefused
from model.generate import Generation, Generator
from model.kernels.choice import best_kernels
from model.moonvit import Grid, MoonViT
from model.projector import Projector
from model.quantized.modules import put_on_grid
from model.quantized.plan import Plan
from model.quantized.room import give_back_large_blocks
from model.quantized.whole import refuse_changed
from model.weights import OnProgress, read_weights, write_weights


class KimiVL(nn.Module):
    def __init__(self, config: KimiVLConfig) -> None:
        super().__init__()
        self.config = config
        self.vision_tower = MoonViT(config.vision)
        self.multi_modal_projector = Projector(config)
        self.language_model = Decoder(config.text)

    @classmethod
    def from_pretrained(
        cls,
        path: str | Path,
        dtype: torch.dtype = torch.bfloat16,
        device: torch.device | str = "cpu",
        on_progress: OnProgress | None = None,
    ) -> Self:
        """Load a folder in the public layout: `config.json` and `*.safetensors`; or what
        `main.py quantize` made of one, which is mapped and used in place.

        Args:
            on_progress: told the bytes read so far and those of all, tensor by tensor.

        Raises:
            CheckpointError: anything missing, left over, or of another shape or type.
        """
        folder = Path(path)
        config = KimiVLConfig.from_folder(folder)
        plan = Plan.from_config(read_json(folder / "config.json"))
        with torch.device("meta"):
            network = cls(config)
            if plan is not None:
                put_on_grid(network, plan, best_kernels(torch.device(device)))
                give_back_large_blocks()
        read_weights(
            network, folder, dtype=dtype, device=torch.device(device), on_progress=on_progress
        )
        if plan is not None:
            refuse_changed(folder)
        return network.eval()

    @property
    def device(self) -> torch.device:
        return self.language_model.model.embed_tokens.weight.device

    def save_pretrained(self, path: str | Path, dtype: torch.dtype | None = None) -> None:
        """Write what `from_pretrained` reads; `dtype` None: in the one the weights have."""
        write_weights(self, self.config, Path(path), dtype)

    def encode_images(self, pixel_values: Tensor, image_grid_hws: Tensor) -> Tensor:
        """Tokens for the decoder.

        Args:
            pixel_values: [N, 3, 14, 14], the patches of all pictures, row-major.
            image_grid_hws: [n, 2] ints, rows and columns of patches, both even.

        Returns:
            [sum(h*w/4), hidden]
        """
        grids = self.grids(image_grid_hws, num_patches=pixel_values.shape[0])
        return self.project(self.vision_tower(pixel_values, grids), grids)

    def project(
        self, patches_NC: Tensor, grids: Sequence[Grid], shown: Sequence[int] | None = None
    ) -> Tensor:
        """
        Args:
            shown: which picture is at each place, if some are shown more than once.
        """
        features_MD = self.multi_modal_projector(self.vision_tower.merged(patches_NC, grids))
        if shown is None or list(shown) == list(range(len(grids))):
            return features_MD
        pictures = features_MD.split(
            [grid.num_patches // self.vision_tower.merge**2 for grid in grids]
        )
        return torch.cat([pictures[number] for number in shown])

    def grids(self, image_grid_hws: Tensor, num_patches: int) -> list[Grid]:
        grids = [Grid(int(height), int(width)) for height, width in image_grid_hws.tolist()]
        for grid in grids:
            if not all(2 <= side < 512 and side % 2 == 0 for side in grid):
                raise ImageRefused(f"a grid of {tuple(grid)} patches; expected even, 2 to 510")
        if sum(grid.num_patches for grid in grids) != num_patches:
            raise ImageRefused(f"{num_patches} patches for grids {[tuple(grid) for grid in grids]}")
        return grids

    def embed(
        self,
        input_ids_BT: Tensor,
        pixel_values: Tensor | None = None,
        image_grid_hws: Tensor | None = None,
    ) -> Tensor:
        """Token embeddings with the pictures' features in the placeholders' rows, in order."""
        features = None
        if pixel_values is not None and image_grid_hws is not None:
            features = self.encode_images(pixel_values, image_grid_hws)
        return self.merge(input_ids_BT, features)

    def merge(self, input_ids_BT: Tensor, features_MD: Tensor | None) -> Tensor:
        embedded = self.language_model.model.embed_tokens(input_ids_BT)
        holes_BT = input_ids_BT == self.config.media_placeholder_token_id
        num_features = 0 if features_MD is None else features_MD.shape[0]
        self.refuse_unequal(input_ids_BT.flatten().tolist(), num_features)
        if features_MD is None:
            return embedded
        return embedded.masked_scatter(holes_BT.unsqueeze(-1), features_MD.to(embedded.dtype))

    def refuse_unequal(self, token_ids: Sequence[int], num_features: int) -> None:
        """Every placeholder stands for one token of a picture, and every such token has one."""
        num_holes = token_ids.count(self.config.media_placeholder_token_id)
        if num_holes != num_features:
            raise ImageRefused(
                f"{num_holes} picture placeholders in the text, {num_features} picture tokens"
            )

    def hidden(
        self,
        embedded_BTD: Tensor,
        cache: LatentCache | None = None,
        attention_mask: Tensor | None = None,
        stretches: Sequence[Stretch] | None = None,
        asked_Q: Tensor | None = None,
    ) -> Tensor:
        """After the decoder's last norm; the arguments are `model.decoder.Transformer`'s."""
        return self.language_model.model(embedded_BTD, cache, attention_mask, stretches, asked_Q)

    def forward(
        self,
        input_ids: Tensor,
        pixel_values: Tensor | None = None,
        image_grid_hws: Tensor | None = None,
        attention_mask: Tensor | None = None,
    ) -> Tensor:
        """Logits [B, T, V], float32, of the token after each.

        Args:
            attention_mask: [B, T], 1 at tokens and 0 at padding, on either side of a row; the
                logits there mean nothing.
        """
        embedded = self.embed(input_ids, pixel_values, image_grid_hws)
        hidden = self.hidden(embedded, attention_mask=attention_mask)
        return self.language_model.lm_head(hidden).float()

    @torch.inference_mode()
    def generate(
        self,
        input_ids: Tensor,
        pixel_values: Tensor | None = None,
        image_grid_hws: Tensor | None = None,
        max_new_tokens: int = 512,
        temperature: float = 0.0,
        stop_ids: Sequence[int] = (),
    ) -> Tensor:
        """The new ids only, [1, up to max_new_tokens], a stop id included if one was drawn."""
        generation: Generation = Generator(self).run(
            input_ids,
            pixel_values,
            image_grid_hws,
            max_new_tokens=max_new_tokens,
            temperature=temperature,
            stop_ids=stop_ids,
        )
        return torch.tensor([generation.token_ids], dtype=torch.int64)
