"""Writes and checks the bundle: manifest, golden rows, hashes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from riskpipe import CODE_VERSION
from riskpipe.calibration import Calibration
from riskpipe.labels import OUTPUTS, check_manifest_labels, manifest_labels
from riskpipe.operating import OperatingPoint
from riskpipe.runtime import Runtime
from riskpipe.tokenizer import PAD_MARKER
from riskpipe.tokens import pad_rows, to_row

SCHEMA_VERSION = 2
TEMPLATE_VERSION = 4
WINDOW = 128
# The engine lets neighbouring windows share WINDOW - STRIDE body tokens.
STRIDE = 112
MAX_WINDOWS = 32
GOLDEN_TOLERANCE = 0.02
FILES = ("model.onnx", "model.ort", "tokenizer.json", "MODEL_CARD.md")


@dataclass(frozen=True)
class ManifestParts:
    """What a manifest says beyond the shape of the files."""

    name: str
    version: str
    calibration: Calibration
    points: dict[str, OperatingPoint]
    curves: dict[str, Any]
    training: dict[str, Any]


def golden_case(runtime: Runtime, rows: Sequence[Sequence[int]], pad_id: int) -> dict[str, Any]:
    """One action's rows and what the shipped file gives for them, output by output."""
    answer = runtime.outputs(*pad_rows([to_row(row) for row in rows], pad_id))
    case: dict[str, Any] = {"input_ids": [list(row) for row in rows]}
    start = 0
    for name, width in OUTPUTS:
        case[name] = [[round(float(value), 4) for value in row] for row in answer[:, start : start + width]]
        start += width
    return case


def file_facts(path: Path) -> dict[str, Any]:
    """SHA-256 and size."""
    content = path.read_bytes()
    return {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}


def write_manifest(bundle: Path, parts: ManifestParts, golden: Sequence[dict[str, Any]]) -> None:
    """Writes manifest.json of a bundle whose other files are in place."""
    manifest = {
        "schema_version": SCHEMA_VERSION,
        "name": parts.name,
        "version": parts.version,
        "template_version": TEMPLATE_VERSION,
        "labels": manifest_labels(),
        "window": WINDOW,
        "stride": STRIDE,
        "max_windows": MAX_WINDOWS,
        "pad_token": PAD_MARKER,
        "calibration": parts.calibration.to_manifest(),
        "operating_points": {
            name: {key: round(value, 6) for key, value in vars(point).items()} for name, point in parts.points.items()
        },
        "curves": parts.curves,
        "golden": list(golden),
        "golden_tolerance": GOLDEN_TOLERANCE,
        "training": {"code_version": CODE_VERSION, **parts.training},
        "files": {name: file_facts(bundle / name) for name in FILES},
    }
    (bundle / "manifest.json").write_text(json.dumps(manifest, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read_manifest(bundle: Path) -> dict[str, Any]:
    """Reads a manifest after checking labels and hashes; raises ValueError where they do not match."""
    manifest: dict[str, Any] = json.loads((bundle / "manifest.json").read_text(encoding="utf-8"))
    check_manifest_labels(manifest["labels"])
    for name, facts in manifest["files"].items():
        if file_facts(bundle / name) != facts:
            raise ValueError(f"{bundle / name} is not the file that the manifest names")
    return manifest
