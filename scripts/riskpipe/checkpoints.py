"""What both training stages share: saved models, the learning-rate schedule, settings of the processor."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from riskpipe.model import Encoder, ModelConfig


@dataclass(frozen=True)
class Checkpoint:
    """Weights with the sizes that they belong to, and notes about the run."""

    config: ModelConfig
    state: dict[str, torch.Tensor]
    notes: dict[str, Any]

    @classmethod
    def of(cls, model: Encoder, notes: dict[str, Any]) -> Checkpoint:
        """A copy of the model as it is now."""
        state = {name: value.detach().clone() for name, value in model.state_dict().items()}
        return cls(model.config, state, notes)

    @classmethod
    def load(cls, path: Path) -> Checkpoint:
        """Reads what `save` wrote."""
        stored = torch.load(path, map_location="cpu", weights_only=True)
        return cls(ModelConfig(**stored["config"]), stored["state"], stored["notes"])

    def save(self, path: Path) -> None:
        """Writes beside the target first, so that a reader never finds half a file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        torch.save({"config": self.config.to_dict(), "state": self.state, "notes": self.notes}, partial)
        partial.replace(path)

    def build(self) -> Encoder:
        """A model with these weights, in evaluation mode."""
        model = Encoder(self.config)
        model.load_state_dict(self.state)
        return model.eval()


def one_cycle(progress: float, warm_up: float = 0.06) -> float:
    """Factor of the learning rate at `progress` in [0, 1]: linear rise, then half a cosine down to 2 %."""
    if progress < warm_up:
        return max(progress, 1e-3) / warm_up
    rest = (progress - warm_up) / (1 - warm_up)
    return 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(rest, 1.0)))


def autocast() -> torch.autocast:
    """Half-precision arithmetic where the processor has instructions for it; elsewhere it is slower than float32."""
    return torch.autocast("cpu", dtype=torch.bfloat16, enabled=torch.cpu.get_capabilities().get("avx512_bf16", False))


def prepare_cpu(threads: int) -> None:
    """Settings of every training process: denormals cost tens of times a normal operation, so they become zero."""
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)
