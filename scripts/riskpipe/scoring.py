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
from riskpipe.operating import OperatingPoint
from riskpipe.runtime import Runtime
from riskpipe.tokens import TokenRows

FloatArray = npt.NDArray[np.floating]


def question_logits(model: Path, rows: TokenRows, pad_id: int) -> FloatArray:
    """Uncalibrated question logits of every action [A, 21]."""
    return action_questions(Runtime.load(model).row_logits(rows, pad_id), rows.action_starts)


@dataclass(frozen=True)
class Calibrated:
    """Calibration, operating point and curves, as `calibrate.py` writes them to calibration.json."""

    calibration: Calibration
    point: OperatingPoint
    curves: dict[str, Any]

    def save(self, path: Path) -> None:
        """Writes JSON."""
        stored = {
            "calibration": self.calibration.to_manifest(),
            "operating_point": vars(self.point),
            "curves": self.curves,
        }
        path.write_text(json.dumps(stored, indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Calibrated:
        """Reads what `save` wrote."""
        stored = json.loads(path.read_text(encoding="utf-8"))
        return cls(
            Calibration.from_manifest(stored["calibration"]),
            OperatingPoint(**stored["operating_point"]),
            stored["curves"],
        )
