"""The encoder in torch: a small transformer over token rows with one linear layer for all heads.

Shapes: B rows, T tokens a row, H hidden units. Residuals are normalised before each sub-layer and the feed-forward
part uses ReLU: with static int8 that activation costs nothing (clamping at the zero point), and a separate
Add + LayerNormalization is several times faster in ONNX Runtime's CPU provider than its fused SkipLayerNormalization.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from riskpipe.labels import N_LOGITS

MASKED = -1e4


@dataclass(frozen=True)
class ModelConfig:
    """Sizes of the encoder."""

    vocabulary: int
    hidden: int = 256
    layers: int = 4
    heads: int = 4
    feed_forward: int = 512
    window: int = 128
    dropout: float = 0.1

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for checkpoints and manifests."""
        return asdict(self)


class Block(nn.Module):
    """Self-attention and feed-forward; takes and returns (residual stream, its normalised copy)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.qkv = nn.Linear(config.hidden, 3 * config.hidden)
        self.out = nn.Linear(config.hidden, config.hidden)
        self.norm_attention = nn.LayerNorm(config.hidden)
        self.up = nn.Linear(config.hidden, config.feed_forward)
        self.down = nn.Linear(config.feed_forward, config.hidden)
        self.norm_feed_forward = nn.LayerNorm(config.hidden)
        self.dropout = nn.Dropout(config.dropout)

    def attend(self, hidden: Tensor, bias: Tensor) -> Tensor:
        """hidden [B, T, H], additive bias [B, 1, 1, T] -> [B, T, H], before the output projection."""
        rows, tokens, width = hidden.shape
        qkv = self.qkv(hidden).view(rows, tokens, 3, self.heads, width // self.heads)
        query, key, value = qkv.permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=bias.to(query.dtype))
        return mixed.transpose(1, 2).reshape(rows, tokens, width)

    def forward(self, stream: Tensor, hidden: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
        """stream and hidden [B, T, H] -> the same after this block."""
        stream = stream + self.dropout(self.out(self.attend(hidden, bias)))
        hidden = self.norm_attention(stream)
        stream = stream + self.dropout(self.down(F.relu(self.up(hidden))))
        return stream, self.norm_feed_forward(stream)


class Encoder(nn.Module):
    """Token rows to logits; the first token (the class marker) stands for the row."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.tokens = nn.Embedding(config.vocabulary, config.hidden)
        self.positions = nn.Parameter(torch.zeros(config.window, config.hidden))
        self.norm_embedding = nn.LayerNorm(config.hidden)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.classifier = nn.Linear(config.hidden, N_LOGITS)
        self.masked_bias = nn.Parameter(torch.zeros(config.vocabulary))
        self.masked_transform = nn.Linear(config.hidden, config.hidden)
        self.dropout = nn.Dropout(config.dropout)
        self.apply(self._initialise)
        nn.init.normal_(self.positions, std=0.02)

    @staticmethod
    def _initialise(module: nn.Module) -> None:
        if isinstance(module, nn.Linear | nn.Embedding):
            nn.init.normal_(module.weight, std=0.03)
        if isinstance(module, nn.Linear):
            nn.init.zeros_(module.bias)

    def encode(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """ids and mask [B, T] -> hidden states [B, T, H]."""
        bias = (1.0 - attention_mask[:, None, None, :].float()) * MASKED
        embedded = self.tokens(input_ids) + self.positions[: input_ids.shape[1]]
        stream = hidden = self.dropout(self.norm_embedding(embedded))
        for block in self.blocks:
            stream, hidden = block(stream, hidden, bias)
        return hidden

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """ids and mask [B, T] -> logits of all heads [B, 23], float32."""
        logits: Tensor = self.classifier(self.dropout(self.encode(input_ids, attention_mask)[:, 0]))
        return logits.float()

    def predict_masked(self, hidden: Tensor) -> Tensor:
        """hidden states of the masked places [N, H] -> token logits [N, vocabulary]; weights tied to the embedding."""
        return F.linear(F.relu(self.masked_transform(hidden)), self.tokens.weight, self.masked_bias)
