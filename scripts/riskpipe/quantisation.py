"""Finds the range of what enters every linear layer, for static int8."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from riskpipe.model import Encoder
from riskpipe.onnx_graph import ActivationRange
from riskpipe.tokens import IntArray

# Share of values at either end that may be clamped: rare outliers would cost every other value its precision.
CLAMPED = 5e-5


@dataclass
class RangeObserver:
    """Collects the low and high ends of a layer's inputs, batch by batch."""

    lows: list[float] = field(default_factory=list)
    highs: list[float] = field(default_factory=list)

    def see(self, values: Tensor) -> None:
        """Takes note of one batch; values [N, width] of real tokens only."""
        flat = values.detach().float().reshape(-1).numpy()
        low, high = np.quantile(flat, [CLAMPED, 1 - CLAMPED])
        self.lows.append(float(low))
        self.highs.append(float(high))

    def range(self, positive_only: bool) -> ActivationRange:
        """The widest of the batches' ranges, with the lower end at 0 for what a ReLU produced."""
        return ActivationRange(0.0 if positive_only else min(self.lows), max(self.highs))


def quantised_layers(model: Encoder) -> dict[str, nn.Linear]:
    """The linear layers of the blocks by name; embeddings are rounded apart and the classifier stays in float32."""
    return {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and name.startswith("blocks.")
    }


def observe_ranges(model: Encoder, batches: Iterable[tuple[IntArray, IntArray]]) -> dict[str, ActivationRange]:
    """Runs (input_ids, attention_mask) batches through the float model and returns the ranges by layer."""
    observers = {name: RangeObserver() for name in quantised_layers(model)}
    current: dict[str, Tensor] = {}
    hooks = []
    for name, layer in quantised_layers(model).items():

        def note(_layer: nn.Module, inputs: tuple[Tensor, ...], name: str = name) -> None:
            observers[name].see(inputs[0][current["mask"]])

        hooks.append(layer.register_forward_pre_hook(note))
    model.eval()
    with torch.no_grad():
        for ids, mask in batches:
            current["mask"] = torch.from_numpy(mask).bool()
            model(torch.from_numpy(ids), torch.from_numpy(mask))
    for hook in hooks:
        hook.remove()
    return {name: observer.range(name.endswith(".down")) for name, observer in observers.items()}
