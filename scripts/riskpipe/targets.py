"""Turns labels, and the weaker word of the source where there is no label, into targets for the yes/no questions.

A target is a pair of vectors [21]: the wanted probability and the weight of every question; weight 0 means that
nothing is known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from riskpipe.labels import DENY, EFFECTS, EFFECTS_SLICE, INJECTION, N_QUESTIONS, PERMISSION, PERMISSION_SLICE, STOP
from riskpipe.records import Label, Record, read_jsonl, write_jsonl
from riskpipe.trust import Trust

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Target:
    """What training or evaluation knows about one action."""

    id: str
    source: str
    group: str
    kind: str
    labelled: bool
    wanted: FloatArray
    weight: FloatArray
    share: float  # how likely an epoch of training includes the action

    @property
    def judged(self) -> bool:
        """Whether a reader's risk label exists (returned texts are judged for injection only)."""
        return self.labelled and bool(self.weight[STOP])

    @property
    def risk(self) -> int:
        """The risk label 0, 1 or 2; only meaningful where `judged`."""
        return int(self.wanted[STOP] > 0.5) + int(self.wanted[DENY] > 0.5)

    @property
    def permission(self) -> int:
        """Index of the permission label; only meaningful where `judged`."""
        return int((self.wanted[PERMISSION_SLICE] > 0.5).sum())


def label_row(target: Target) -> dict[str, Any]:
    """The label record that `riskgate eval` reads: whole for judged actions, injection alone for returned texts."""
    row: dict[str, Any] = {"id": target.id, "injection": int(target.wanted[INJECTION] > 0.5)}
    if target.judged:
        effects = [name for name, wanted in zip(EFFECTS, target.wanted[EFFECTS_SLICE], strict=True) if wanted > 0.5]
        row |= {"risk": target.risk, "permission": PERMISSION[target.permission], "effects": effects}
    return row


def target_of(record: Record, label: Label) -> Target:
    """The target of a labelled record."""
    wanted, weight = label.answers(), np.zeros(N_QUESTIONS, np.float32)
    weight[INJECTION if record.is_text else slice(None)] = 1.0
    return _target(record, True, wanted, weight, _labelled_share(record, label))


def weak_target(record: Record, trust: Trust) -> Target | None:
    """The target of a record without a label, or None when its source says nothing of it."""
    wanted, weight, share = trust.target(record)
    return _target(record, False, wanted, weight, share) if share else None


def _target(record: Record, labelled: bool, wanted: FloatArray, weight: FloatArray, share: float) -> Target:
    return Target(record.id, record.source, record.group, record.kind, labelled, wanted, weight, share)


def _labelled_share(record: Record, label: Label) -> float:
    """Harmless steps of real agents and collected texts are long and much alike: a part of them does for an epoch."""
    if record.kind == "agent_real" and label.risk == 0:
        return 0.4
    return 0.6 if record.is_text and record.kind != "authored" else 1.0


def vectors(targets: Sequence[Target]) -> tuple[FloatArray, FloatArray]:
    """Wanted answers and weights, each [A, 21]."""
    return np.stack([target.wanted for target in targets]), np.stack([target.weight for target in targets])


def write_targets(path: Path, targets: Iterable[Target]) -> int:
    """Writes targets as JSONL, in order."""

    def plain(target: Target) -> dict[str, Any]:
        row = dict(vars(target))
        row["wanted"] = [round(float(value), 4) for value in target.wanted]
        row["weight"] = [round(float(value), 4) for value in target.weight]
        return row

    return write_jsonl(path, (plain(target) for target in targets))


def read_targets(path: Path) -> list[Target]:
    """Reads what `write_targets` wrote."""

    def parse(row: Mapping[str, Any]) -> Target:
        vectors = {key: np.asarray(row[key], np.float32) for key in ("wanted", "weight")}
        return Target(**{**row, **vectors})

    return [parse(row) for row in read_jsonl(path)]
