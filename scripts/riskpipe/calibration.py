"""Calibrates pooled answers: one scale and shift for each question, p' = sigmoid(a * logit(p) + b)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from riskpipe.aggregate import probabilities
from riskpipe.labels import DENY, EFFECTS_SLICE, INJECTION, N_QUESTIONS, PERMISSION_SLICE, STOP

FloatArray = npt.NDArray[np.floating]
# Pulls (a, b) to (1, 0) with the strength of this many examples, so that a question with few positives stays sane.
PRIOR_STRENGTH = 5.0
SMALLEST_SCALE = 0.05
NEWTON_STEPS = 50


@dataclass(frozen=True)
class Calibration:
    """Scale and shift of every question, each [21]."""

    scale: FloatArray
    shift: FloatArray

    def apply(self, question_logits: FloatArray) -> FloatArray:
        """Question logits [A, 21] -> calibrated probabilities [A, 21], ordinal ones put in order.

        deny is clamped to at most stop, and each "at least this permission" to at most the one below it.
        """
        answers = probabilities(question_logits * self.scale + self.shift)
        answers[:, DENY] = np.minimum(answers[:, DENY], answers[:, STOP])
        answers[:, PERMISSION_SLICE] = np.minimum.accumulate(answers[:, PERMISSION_SLICE], axis=1)
        return answers

    def to_manifest(self) -> dict[str, Any]:
        """The `calibration` object of a manifest."""
        pairs = [{"a": round(float(a), 6), "b": round(float(b), 6)} for a, b in zip(self.scale, self.shift, strict=True)]
        return {
            "risk": {"stop": pairs[STOP], "deny": pairs[DENY]},
            "permission": pairs[PERMISSION_SLICE],
            "effects": pairs[EFFECTS_SLICE],
            "injection": pairs[INJECTION],
        }

    @classmethod
    def from_manifest(cls, stored: Mapping[str, Any]) -> Calibration:
        """Reads a manifest's `calibration` object."""
        risk = stored["risk"]
        pairs = [risk["stop"], risk["deny"], *stored["permission"], *stored["effects"], stored["injection"]]
        return cls(np.array([pair["a"] for pair in pairs]), np.array([pair["b"] for pair in pairs]))


def fit(question_logits: FloatArray, wanted: FloatArray, weight: FloatArray) -> Calibration:
    """Fits every question on the actions where its weight is above 0; all arguments [A, 21]."""
    fitted = [
        fit_question(question_logits[known, number], wanted[known, number])
        for number in range(N_QUESTIONS)
        for known in [weight[:, number] > 0]
    ]
    return Calibration(np.array([a for a, _ in fitted]), np.array([b for _, b in fitted]))


def fit_question(logits: FloatArray, wanted: FloatArray) -> tuple[float, float]:
    """Logistic regression of one answer on its logit by Newton's method, with a > 0; logits and wanted [A]."""
    parameters = np.array([1.0, 0.0])
    prior = np.array([1.0, 0.0])
    inputs = np.stack([np.clip(logits, -30, 30), np.ones_like(logits)], axis=1).astype(np.float64)
    for _ in range(NEWTON_STEPS):
        answers = probabilities(inputs @ parameters)
        gradient = inputs.T @ (answers - wanted) + PRIOR_STRENGTH * (parameters - prior)
        curvature = inputs.T @ (inputs * (answers * (1 - answers))[:, None]) + PRIOR_STRENGTH * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        # Short steps only: far from the optimum the curvature is flat and a full step would overshoot.
        parameters = parameters - step / max(1.0, float(np.abs(step).max()))
        parameters[0] = max(parameters[0], SMALLEST_SCALE)
    return float(parameters[0]), float(parameters[1])
