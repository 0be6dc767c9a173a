"""Runs the whole pipeline, from the data folder to the bundle.

python rebuild.py --data ../../shared/data --encoder ../target/release/riskgate --run run --bundle ../models/riskgate-small
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
from dataclasses import dataclass
from pathlib import Path

import calibrate
import encode_dataset
import evaluate
import export_onnx
import pretrain
import quantize
import train
import train_tokenizer
import write_bundle
from riskpipe import SEED
from riskpipe.dataset import build
from riskpipe.encoding import EncodeBinary
from riskpipe.finetuning import FinetuneConfig

VOCABULARY = 8192


@dataclass(frozen=True)
class Minutes:
    """Clock time of the two training stages."""

    pretraining: float = 25.0
    finetuning: float = 35.0


def rebuild(data: Path, encoder: EncodeBinary, run: Path, bundle: Path, minutes: Minutes) -> None:
    """Every step in order; the files of the steps stay in `run`."""
    build(data, run, SEED)
    tokenizer = train_tokenizer.run(encoder, run, VOCABULARY)
    encode_dataset.run(encoder, run)
    pretrain.run(run / "rows/pretrain.npz", tokenizer, run / "pretrained.pt", minutes.pretraining)
    config = FinetuneConfig(minutes=minutes.finetuning, seed=SEED)
    train.run(run, run / "pretrained.pt", run / "finetuned.pt", config)
    export_onnx.run(run / "finetuned.pt", run / "model-fp32.onnx")
    finish(run, bundle)


def finish(run: Path, bundle: Path) -> None:
    """From the trained checkpoint to the bundle."""
    quantize.run(run / "finetuned.pt", run, run / "bundle")
    model = run / "bundle/model.ort"
    calibrated = calibrate.run(run, model, run / "calibration.json")
    report = evaluate.run(run, model, run / "model-fp32.onnx", calibrated)
    (run / "evaluation.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    write_bundle.run(run, run / "finetuned.pt", bundle)


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--encoder", type=Path, required=True, help="the riskgate binary")
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--pretraining-minutes", type=float, default=Minutes.pretraining)
    parser.add_argument("--finetuning-minutes", type=float, default=Minutes.finetuning)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    minutes = Minutes(options.pretraining_minutes, options.finetuning_minutes)
    rebuild(options.data, EncodeBinary(options.encoder), options.run, options.bundle, minutes)
    return 0


if __name__ == "__main__":
    sys.exit(main())
