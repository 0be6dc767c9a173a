"""Measures the shipped file, its two parts and both baselines on the test sources.

python evaluate.py --run run --model run/bundle/model.ort --checkpoint run/finetuned.pt \
        --float run/model-fp32.onnx --calibration run/calibration.json --report run/evaluation.json
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from riskpipe import SEED
from riskpipe.baselines import NgramBaseline, keyword_answers
from riskpipe.checkpoints import Checkpoint
from riskpipe.dataset import load_examples
from riskpipe.evaluation import choose_points, evaluate, flips, judged_mask, pick, risk_figures
from riskpipe.finetuning import epoch_order
from riskpipe.part_evaluation import PartLogits, early_exit_candidates, part_figures, settled_shares
from riskpipe.records import Record, parse_record, read_jsonl
from riskpipe.scoring import Calibrated, Scores, score
from riskpipe.targets import read_targets, vectors
from riskpipe.tokenizer import PAD_MARKER, marker_id

FloatArray = npt.NDArray[np.floating]


def raw_texts(run_folder: Path, split: str) -> list[str]:
    """Tool and arguments of every action as plain text, for the baselines."""

    def record(row: dict[str, Any]) -> Record:
        return parse_record(row, split)

    return [record(row).raw_text() for row in read_jsonl(run_folder / f"records/{split}.jsonl")]


def kept_baselines(run_folder: Path) -> Path:
    """Where the figures of the baselines are kept: they take minutes and change with the data only."""
    return run_folder / "baselines.json"


def baseline_figures(run_folder: Path) -> dict[str, Any]:
    """Both baselines, trained and set on the same splits as the model."""
    kept = kept_baselines(run_folder)
    if kept.exists():
        found: dict[str, Any] = json.loads(kept.read_text(encoding="utf-8"))
        return found
    targets = {split: read_targets(run_folder / f"targets/{split}.jsonl") for split in ("train", "calibration", "test")}
    texts = {split: raw_texts(run_folder, split) for split in targets}
    chosen = epoch_order(targets["train"], np.random.default_rng(SEED))
    learned = [targets["train"][int(number)] for number in chosen]
    ngrams = NgramBaseline.fit([texts["train"][int(number)] for number in chosen], *vectors(learned))
    figures = {}
    for name, answer in (("character n-grams", ngrams.answers), ("keyword list", keyword_answers)):
        point = choose_points(Scores.of(answer(texts["calibration"])), targets["calibration"])["default"]
        figures[name] = evaluate(Scores.of(answer(texts["test"])), targets["test"], point)
    kept.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return figures


def parts(run_folder: Path, checkpoint: Path) -> dict[str, Any]:
    """What the parts of the model do alone, which rows leave early, and what other cuts would do."""
    model = Checkpoint.load(checkpoint).build()
    pad_id = marker_id(Tokenizer.from_file(str(run_folder / "tokenizer.json")), PAD_MARKER)
    held_out, test = (PartLogits.of(model, *load_examples(run_folder, split), pad_id) for split in ("calibration", "test"))
    return {
        "parts": part_figures(held_out, test),
        "settled_early": settled_shares(model.early_exit, test),
        "early_exit": early_exit_candidates(model.config.text_marker, held_out, test),
    }


def run(run_folder: Path, model: Path, checkpoint: Path, float_model: Path | None, calibrated: Calibrated) -> dict[str, Any]:
    """The whole report."""
    examples, rows = load_examples(run_folder, "test")
    targets = [example.target for example in examples]
    pad_id = marker_id(Tokenizer.from_file(str(run_folder / "tokenizer.json")), PAD_MARKER)
    scores = score(model, rows, pad_id).calibrated(calibrated.calibration)
    report: dict[str, Any] = {"model": evaluate(scores, targets, calibrated.points["default"])}
    judged = np.flatnonzero(judged_mask(targets))
    report["operating_points"] = {
        name: risk_figures(scores.subset(judged), pick(targets, judged), point) for name, point in calibrated.points.items()
    }
    if float_model is not None:
        reference = score(float_model, rows.subset(judged), pad_id).calibrated(calibrated.calibration)
        report["int8_against_float32"] = flips(scores.subset(judged), reference, calibrated.points["default"])
    return {**report, **parts(run_folder, checkpoint), "baselines": baseline_figures(run_folder)}


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--checkpoint", type=Path, required=True, help="what the file was made from")
    parser.add_argument("--float", type=Path, help="the float32 file, to count verdicts that int8 changes")
    parser.add_argument("--calibration", type=Path, required=True)
    parser.add_argument("--report", type=Path, required=True)
    options = parser.parse_args()
    report = run(options.run, options.model, options.checkpoint, options.float, Calibrated.load(options.calibration))
    options.report.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
