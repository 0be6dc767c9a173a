"""The model in torch: a small transformer over token rows, and beside it a linear model on tokens and token pairs.

The two are trained apart and their logits added. The linear part learns in seconds what single words tell; the
transformer, which sees little data on two processor cores, adds what depends on order and distance.

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
# Factors of the hash of two neighbouring tokens; odd, so every id moves it.
PAIR_FACTORS = (31337, 101)
# Doubts of a row (see `EarlyExit`); of these only the last counts when it is one of a text.
N_DOUBTS = 3
# A cut that every doubt reaches.
ALWAYS_OPEN = -1e9
# Beginnings of the names of parameters that only pre-training uses.
PRETRAINING_ONLY = ("masked_", "description_")


@dataclass(frozen=True)
class ModelConfig:
    """Sizes of the encoder."""

    vocabulary: int
    hidden: int = 256
    layers: int = 4
    heads: int = 4
    feed_forward: int = 512
    window: int = 128
    pair_buckets: int = 32768
    dropout: float = 0.1
    description: int = 384
    # Id of the marker that stands in every row of a text, and in no other.
    text_marker: int = -1

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

    def attend(self, hidden: Tensor, bias: Tensor) -> Tensor:
        """Hidden [B, T, H], additive bias [B, 1, 1, T] -> [B, T, H], before the output projection."""
        rows, tokens, width = hidden.shape
        qkv = self.qkv(hidden).view(rows, tokens, 3, self.heads, width // self.heads)
        query, key, value = qkv.permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=bias.to(query.dtype))
        return mixed.transpose(1, 2).reshape(rows, tokens, width)

    def forward(self, stream: Tensor, hidden: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
        """Stream and hidden [B, T, H] -> the same after this block."""
        stream = stream + self.out(self.attend(hidden, bias))
        hidden = self.norm_attention(stream)
        stream = stream + self.down(F.relu(self.up(hidden)))
        return stream, self.norm_feed_forward(stream)


class PairTable(nn.Module):
    """Logits as a sum over a row's tokens and hashed pairs of neighbours, divided by the root of the row's length."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.first_pair, self.buckets = config.vocabulary, config.pair_buckets
        self.table = nn.Embedding(self.first_pair + self.buckets + 1, N_LOGITS)
        self.bias = nn.Parameter(torch.zeros(N_LOGITS))

    def pair_entries(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Ids and mask [B, T] -> the table entry of every token's pair [B, T]; a row's last token takes the last entry."""
        following = F.pad(input_ids[:, 1:], (0, 1))
        paired = F.pad(attention_mask[:, 1:], (0, 1)).bool()
        hashed = (input_ids * PAIR_FACTORS[0] + following * PAIR_FACTORS[1]) % self.buckets
        return self.first_pair + torch.where(paired, hashed, self.buckets)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Ids and mask [B, T] -> logits [B, 23]."""
        pairs = self.pair_entries(input_ids, attention_mask)
        weight = attention_mask.float()
        summed = ((self.table(input_ids) + self.table(pairs)) * weight[:, :, None]).sum(dim=1)
        logits: Tensor = summed / weight.sum(dim=1, keepdim=True).sqrt() + self.bias
        return logits


class EarlyExit(nn.Module):
    """Which rows the pair table settles alone, and what it then answers for both parts; `early_exit` fits it.

    A row is open as soon as one of its doubts reaches its cut: the injection, and where it is of no text, `ask` or `deny`
    against `allow`.
    """

    cuts: Tensor
    weight: Tensor
    bias: Tensor

    def __init__(self, text_marker: int) -> None:
        super().__init__()
        self.text_marker = text_marker
        self.register_buffer("cuts", torch.full((N_DOUBTS,), ALWAYS_OPEN))
        self.register_buffer("weight", torch.zeros(N_LOGITS, N_LOGITS))
        self.register_buffer("bias", torch.zeros(N_LOGITS))

    @staticmethod
    def doubts(pairs: Tensor) -> Tensor:
        """The pair table's logits [B, 23] -> ask against allow, deny against allow, and injection [B, 3]."""
        return pairs @ doubt_weights().T

    def opened(self, input_ids: Tensor, pairs: Tensor) -> Tensor:
        """Ids [B, T] and the pair table's logits [B, 23] -> which rows the transformer must read [B]."""
        texts = (input_ids == self.text_marker).any(dim=1)
        reached = self.doubts(pairs) >= self.cuts
        risky, injected = reached[:, :-1].any(dim=1), reached[:, -1]
        return injected | (risky & ~texts)

    def settled(self, pairs: Tensor) -> Tensor:
        """The pair table's logits [B, 23] -> the whole model's where the transformer stays out [B, 23]."""
        return pairs + F.linear(pairs, self.weight, self.bias)


def doubt_weights() -> Tensor:
    """What makes doubts of the pair table's logits [3, 23]."""
    weights = torch.zeros(N_DOUBTS, N_LOGITS)
    weights[0, [0, 1]] = torch.tensor([-1.0, 1.0])
    weights[1, [0, 2]] = torch.tensor([-1.0, 1.0])
    weights[2, N_LOGITS - 1] = 1.0
    return weights


class Encoder(nn.Module):
    """Token rows to logits; the first token (the class marker) stands for the row in the transformer."""

    novelty: Tensor

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.tokens = nn.Embedding(config.vocabulary, config.hidden)
        self.positions = nn.Parameter(torch.zeros(config.window, config.hidden))
        self.norm_embedding = nn.LayerNorm(config.hidden)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.classifier = nn.Linear(config.hidden, N_LOGITS)
        self.pairs = PairTable(config)
        self.early_exit = EarlyExit(config.text_marker)
        self.register_buffer("novelty", torch.zeros(config.vocabulary + config.pair_buckets + 1))
        self.masked_bias = nn.Parameter(torch.zeros(config.vocabulary))
        self.masked_transform = nn.Linear(config.hidden, config.hidden)
        self.description_head = nn.Linear(config.hidden, config.description)
        # At both ends only: inside the blocks it would cost a quarter of the speed, and few epochs overfit little.
        self.dropout = nn.Dropout(config.dropout)
        self.apply(self._initialise)
        nn.init.normal_(self.positions, std=0.02)
        nn.init.zeros_(self.pairs.table.weight)

    @staticmethod
    def _initialise(module: nn.Module) -> None:
        if isinstance(module, nn.Linear | nn.Embedding):
            nn.init.normal_(module.weight, std=0.03)
        if isinstance(module, nn.Linear):
            nn.init.zeros_(module.bias)

    def encode(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Ids and mask [B, T] -> hidden states [B, T, H]."""
        bias = (1.0 - attention_mask[:, None, None, :].float()) * MASKED
        embedded = self.tokens(input_ids) + self.positions[: input_ids.shape[1]]
        hidden: Tensor = self.dropout(self.norm_embedding(embedded))
        stream = hidden
        for block in self.blocks:
            stream, hidden = block(stream, hidden, bias)
        return hidden

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Ids and mask [B, T] -> logits of all heads [B, 23], float32: transformer plus pair table, or the latter alone."""
        pairs = self.pairs(input_ids, attention_mask)
        both = self.transformer_logits(input_ids, attention_mask) + pairs
        return torch.where(self.early_exit.opened(input_ids, pairs)[:, None], both, self.early_exit.settled(pairs))

    def transformer_logits(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Ids and mask [B, T] -> the transformer's logits [B, 23], float32."""
        logits: Tensor = self.classifier(self.dropout(self.encode(input_ids, attention_mask)[:, 0]))
        return logits.float()

    def novelty_of(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Ids and mask [B, T] -> mean surprise of every row in nats [B, 1]; see `novelty`."""
        pairs = self.pairs.pair_entries(input_ids, attention_mask)
        weight = attention_mask.float()
        summed = ((self.novelty[input_ids] + self.novelty[pairs]) * weight).sum(dim=1, keepdim=True)
        return summed / weight.sum(dim=1, keepdim=True)

    def outputs(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Ids and mask [B, T] -> what a model file answers [B, 24]: logits, then novelty."""
        return torch.cat([self(input_ids, attention_mask), self.novelty_of(input_ids, attention_mask)], dim=1)

    def predict_masked(self, hidden: Tensor) -> Tensor:
        """Hidden states of the masked places [N, H] -> token logits [N, vocabulary]; weights tied to the embedding."""
        logits: Tensor = F.linear(F.relu(self.masked_transform(hidden)), self.tokens.weight, self.masked_bias)
        return logits

    def describe(self, hidden: Tensor) -> Tensor:
        """Hidden states of first tokens [N, H] -> unit vectors [N, description] to compare with sentence embeddings."""
        vectors: Tensor = F.normalize(self.description_head(hidden).float(), dim=-1)
        return vectors
