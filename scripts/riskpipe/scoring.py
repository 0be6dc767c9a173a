"""Scores encoded actions with a model file, and keeps what calibration found beside it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from riskpipe.aggregate import action_questions
from riskpipe.calibration import Calibration
from riskpipe.labels import N_LOGITS
from riskpipe.operating import OperatingPoint
from riskpipe.runtime import Runtime
from riskpipe.tokens import TokenRows

FloatArray = npt.NDArray[np.floating]


@dataclass(frozen=True)
class Scores:
    """Answers to every question of every action [A, 21], and the novelty of its most novel row [A]."""

    answers: FloatArray
    novelty: FloatArray

    @classmethod
    def of(cls, answers: FloatArray) -> Scores:
        """Scores of something that finds nothing novel."""
        return cls(answers, np.zeros(len(answers)))

    def subset(self, chosen: npt.NDArray[np.generic]) -> Scores:
        """The scores of some actions, by number or by mask."""
        return Scores(self.answers[chosen], self.novelty[chosen])

    def calibrated(self, calibration: Calibration) -> Scores:
        """Question logits turned into probabilities."""
        return Scores(calibration.apply(self.answers), self.novelty)


def score(model: Path, rows: TokenRows, pad_id: int) -> Scores:
    """Uncalibrated question logits and novelty of every action."""
    outputs = Runtime.load(model).row_outputs(rows, pad_id)
    novelty = np.maximum.reduceat(outputs[:, N_LOGITS], rows.action_starts[:-1])
    return Scores(action_questions(outputs[:, :N_LOGITS], rows.action_starts), novelty)


@dataclass(frozen=True)
class Calibrated:
    """Calibration, operating points by name and curves, as `calibrate.py` writes them to calibration.json."""

    calibration: Calibration
    points: dict[str, OperatingPoint]
    curves: dict[str, Any]

    def save(self, path: Path) -> None:
        """Writes JSON."""
        stored = {
            "calibration": self.calibration.to_manifest(),
            "operating_points": {name: vars(point) for name, point in self.points.items()},
            "curves": self.curves,
        }
        path.write_text(json.dumps(stored, indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Calibrated:
        """Reads what `save` wrote."""
        stored = json.loads(path.read_text(encoding="utf-8"))
        return cls(
            Calibration.from_manifest(stored["calibration"]),
            {name: OperatingPoint(**point) for name, point in stored["operating_points"].items()},
            stored["curves"],
        )
