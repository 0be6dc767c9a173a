"""Puts a bundle together: model files, tokenizer, model card and the manifest with hashes and golden rows.

    python write_bundle.py --run run --checkpoint run/finetuned.pt --output ../models/riskgate-small

Expects run/bundle/model.{onnx,ort}, run/calibration.json and run/evaluation.json from the steps before, and takes
    run/folds.json of cross_validate.py and run/obfuscation.json of evaluate_obfuscation.py into the card where they are.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from riskpipe import SEED
from riskpipe.checkpoints import Checkpoint
from riskpipe.dataset import fingerprint
from riskpipe.manifest import TEMPLATE_VERSION, ManifestParts, golden_case, read_manifest, write_manifest
from riskpipe.model import PRETRAINING_ONLY
from riskpipe.records import read_jsonl
from riskpipe.report import folds_table, methods_table, model_card, obfuscation_table, trust_table
from riskpipe.runtime import Runtime
from riskpipe.scoring import Calibrated
from riskpipe.targets import read_targets
from riskpipe.tokenizer import PAD_MARKER, marker_id
from riskpipe.tokens import TokenRows

NAME = "riskgate-small"
VERSION = "0.1.0"
GOLDEN_ROWS = (1, 2, 3)
# What a person has to say of the shipped model: how it was made, its limits, its speed.
NOTES = Path(__file__).with_name("model_card_notes.md")


def golden_actions(rows: TokenRows) -> list[int]:
    """Numbers of a few actions: the first with one row, the first with two, the first with three."""
    counts = [len(rows.rows_of(number)) for number in range(len(rows.names))]
    return [counts.index(wanted) for wanted in GOLDEN_ROWS if wanted in counts]


def weights_in_use(checkpoint: Checkpoint) -> int:
    """Parameters of the exported graph: the heads of pre-training stay behind."""
    return sum(value.numel() for name, value in checkpoint.state.items() if not name.startswith(PRETRAINING_ONLY))


def _stored(path: Path) -> dict[str, Any]:
    """A JSON object of a step before; empty where that step, being optional, was left out."""
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return found


def optional_tables(run_folder: Path) -> dict[str, str]:
    """Tables of the card by heading, from the files of steps before; empty where a step was left out."""
    folds, spellings = _stored(run_folder / "folds.json"), _stored(run_folder / "obfuscation.json")
    methods, trust = _stored(run_folder / "calibration_methods.json"), run_folder / "trust.jsonl"
    return {
        "Folds": folds_table(folds) if folds else "",
        "Hidden spellings": obfuscation_table(spellings) if spellings else "",
        "Ways to calibrate, each on sources that it was not fitted on": methods_table(methods) if methods else "",
        "What sources say, and what readers answered": trust_table(list(read_jsonl(trust))) if trust.exists() else "",
    }


def run(run_folder: Path, checkpoint: Path, output: Path) -> None:
    """Writes the bundle and reads it back."""
    output.mkdir(parents=True, exist_ok=True)
    for source in (run_folder / "bundle/model.onnx", run_folder / "bundle/model.ort", run_folder / "tokenizer.json"):
        shutil.copyfile(source, output / source.name)
    stored, targets = Checkpoint.load(checkpoint), read_targets(run_folder / "targets/train.jsonl")
    calibrated = Calibrated.load(run_folder / "calibration.json")
    report = _stored(run_folder / "evaluation.json")
    names = {"name": NAME, "version": VERSION, "template_version": TEMPLATE_VERSION, "actions": len(targets)}
    card = model_card(
        names,
        stored.config,
        weights_in_use(stored),
        calibrated,
        report,
        optional_tables(run_folder),
        NOTES.read_text(encoding="utf-8"),
    )
    (output / "MODEL_CARD.md").write_text(card, encoding="utf-8")
    rows = TokenRows.load(run_folder / "rows/calibration.npz")
    pad_id = marker_id(Tokenizer.from_file(str(output / "tokenizer.json")), PAD_MARKER)
    runtime = Runtime.load(output / "model.ort")
    golden = [golden_case(runtime, rows.action_rows(number), pad_id) for number in golden_actions(rows)]
    training = {"data_fingerprint": fingerprint(targets), "seed": SEED, **stored.notes}
    parts = ManifestParts(NAME, VERSION, calibrated.calibration, calibrated.points, calibrated.curves, training)
    write_manifest(output, parts, golden)
    read_manifest(output)


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    run(options.run, options.checkpoint, options.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
