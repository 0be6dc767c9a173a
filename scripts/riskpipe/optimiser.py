"""The optimiser of both training stages: Muon for the matrices inside the blocks where it pays, Adam for everything else.

Muon (Jordan et al. 2024) replaces a matrix's momentum by the nearest orthogonal matrix, so that rare directions are learned
as fast as common ones; after 500,000 tokens of pre-training the loss stood at 9.6 with it and at 11.1 without. PyTorch has
one that works in bfloat16, which processors without instructions for it do tens of times slower than float32.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

# Coefficients of the Newton-Schulz iteration, from the same source: singular values come out near 1 after five rounds.
NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
ROUNDS = 5
# Updates of this size match those of Adam (Liu et al. 2025, "Muon is scalable for LLM training").
UPDATE_SIZE = 0.2


@dataclass(frozen=True)
class Rates:
    """Peak learning rates and decoupled weight decay; with 0 for matrices Adam has all."""

    matrices: float
    others: float
    weight_decay: float


class Optimiser:
    """Both optimisers behind one face; `parameters` are (name, parameter) pairs."""

    def __init__(self, parameters: Iterable[tuple[str, nn.Parameter]], rates: Rates) -> None:
        named = list(parameters)
        inside = [value for name, value in named if rates.matrices and name.startswith("blocks.") and value.ndim == 2]
        known = {id(value) for value in inside}
        others = [value for _, value in named if id(value) not in known]
        self.parameters = [value for _, value in named]
        adam = torch.optim.AdamW(others, betas=(0.9, 0.98), weight_decay=rates.weight_decay, fused=True)
        self._parts: list[tuple[torch.optim.Optimizer, float]] = [(adam, rates.others)]
        if inside:
            self._parts.append((Muon(inside, rates.matrices, rates.weight_decay), rates.matrices))

    def step(self, loss: Tensor, factor: float) -> None:
        """One update against `loss`, with `factor` times the peak rates."""
        for part, rate in self._parts:
            part.zero_grad(set_to_none=True)
            for group in part.param_groups:
                group["lr"] = rate * factor
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        for part, _ in self._parts:
            part.step()


class Muon(torch.optim.Optimizer):
    """Momentum, orthogonalised; for matrices only."""

    def __init__(self, parameters: list[nn.Parameter], rate: float, weight_decay: float, momentum: float = 0.95) -> None:
        super().__init__(parameters, {"lr": rate, "weight_decay": weight_decay, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """One update of every matrix that has a gradient."""
        for group in self.param_groups:
            for matrix in group["params"]:
                if matrix.grad is not None:
                    self._update(matrix, matrix.grad, group)

    def _update(self, matrix: Tensor, gradient: Tensor, group: dict[str, float]) -> None:
        state = self.state[matrix]
        if "velocity" not in state:
            state["velocity"] = torch.zeros_like(matrix)
        velocity: Tensor = state["velocity"]
        velocity.lerp_(gradient, 1 - group["momentum"])
        looked_ahead = gradient.lerp(velocity, group["momentum"])
        # A tall matrix is as many matrices as it has squares: query, key and value stand under each other.
        rows = matrix.shape[1] if matrix.shape[0] % matrix.shape[1] == 0 else matrix.shape[0]
        squares = torch.split(looked_ahead, rows)
        update = torch.cat([orthogonalise(square) * UPDATE_SIZE * max(square.shape) ** 0.5 for square in squares])
        matrix.mul_(1 - group["lr"] * group["weight_decay"]).add_(update, alpha=-group["lr"])


def orthogonalise(matrix: Tensor) -> Tensor:
    """The nearest matrix [N, M] with singular values near 1."""
    first, second, third = NEWTON_SCHULZ
    result: Tensor = matrix / (matrix.norm() + 1e-7)
    tall = result.shape[0] > result.shape[1]
    result = result.T if tall else result
    for _ in range(ROUNDS):
        gram = result @ result.T
        result = first * result + (second * gram + third * gram @ gram) @ result
    return result.T if tall else result
