"""The label lists, in the order of the rubric and of the model's heads; every other module reads them here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

RISK: tuple[str, ...] = ("allow", "ask", "deny")
PERMISSION: tuple[str, ...] = ("observe", "workspace", "system", "external", "privileged")
EFFECTS: tuple[str, ...] = (
    "data_destruction",
    "exfiltration",
    "credential_access",
    "untrusted_execution",
    "privilege_escalation",
    "persistence",
    "defense_evasion",
    "discovery",
    "service_disruption",
    "exposure",
    "system_change",
    "external_change",
    "network",
    "workspace_change",
)

# Logits that one row of tokens yields, head by head, in the order of the ONNX outputs.
HEADS: tuple[tuple[str, int], ...] = (
    ("risk", len(RISK)),
    ("permission", len(PERMISSION)),
    ("effects", len(EFFECTS)),
    ("injection", 1),
)
N_LOGITS = sum(width for _, width in HEADS)
# What a model file answers: the trained logits, and how novel the row is (see `novelty`).
OUTPUTS: tuple[tuple[str, int], ...] = (*HEADS, ("novelty", 1))

# Yes/no questions that the heads answer once the rows of an action are pooled. Training, calibration and the
# engine all work on these: ordinal heads become one question for every level ("at least this much").
QUESTIONS: tuple[str, ...] = (
    "stop",
    "deny",
    *(f"permission>={name}" for name in PERMISSION[1:]),
    *EFFECTS,
    "injection",
)
N_QUESTIONS = len(QUESTIONS)
STOP = 0
DENY = 1
PERMISSION_SLICE = slice(2, 2 + len(PERMISSION) - 1)
EFFECTS_SLICE = slice(PERMISSION_SLICE.stop, PERMISSION_SLICE.stop + len(EFFECTS))
INJECTION = EFFECTS_SLICE.stop


def manifest_labels() -> dict[str, list[str]]:
    """The `labels` object of a manifest."""
    return {"risk": list(RISK), "permission": list(PERMISSION), "effects": list(EFFECTS)}


def check_manifest_labels(labels: Mapping[str, Sequence[Any]]) -> None:
    """Raises ValueError when a manifest lists other labels, or the same ones in another order."""
    for head, expected in manifest_labels().items():
        if list(labels.get(head, ())) != expected:
            raise ValueError(f"the manifest's labels of {head!r} are {labels.get(head)!r}, expected {expected!r}")
