"""Runs the whole pipeline, from the data folder to the bundle and its report.

python rebuild.py --data DATA --encoder ../target/release/riskgate --run run --bundle ../models/riskgate-small
"""

from __future__ import annotations

import argparse
import json
import logging
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import calibrate
import embed_descriptions
import encode_dataset
import evaluate
import evaluate_obfuscation
import export_onnx
import obfuscation_set
import pretrain
import quantize
import train
import train_tokenizer
import write_bundle
from riskpipe import SEED
from riskpipe.dataset import build
from riskpipe.encoding import EncodeBinary
from riskpipe.finetuning import FinetuneConfig
from riskpipe.splits import MAIN, Fold

VOCABULARY = 8192


@dataclass(frozen=True)
class Length:
    """How long the two training stages go on."""

    tokens: int = 38_600_000
    epochs: int = FinetuneConfig.epochs


def rebuild(data: Path, encoder: EncodeBinary, run: Path, bundle: Path, length: Length, fold: Fold = MAIN) -> None:
    """Every step in order; the files of the steps stay in `run`."""
    build(data, run, SEED, fold)
    evaluate.kept_baselines(run).unlink(missing_ok=True)
    train_tokenizer.run(encoder, run, VOCABULARY)
    encode_dataset.run(encoder, run)
    embed_descriptions.run(run)
    pretrain.run(run, run / "pretrained.pt", length.tokens)
    config = FinetuneConfig(epochs=length.epochs, seed=SEED)
    train.run(run, run / "pretrained.pt", run / "finetuned.pt", config)
    export_onnx.run(run / "finetuned.pt", run / "model-fp32.onnx")
    finish(run, bundle)


def finish(run: Path, bundle: Path) -> None:
    """From the trained checkpoint to the bundle."""
    quantize.run(run / "finetuned.pt", run, run / "bundle")
    model = run / "bundle/model.ort"
    calibrated = calibrate.run(run, model, run / "calibration.json")
    report = evaluate.run(run, model, run / "finetuned.pt", run / "model-fp32.onnx", calibrated)
    (run / "evaluation.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    write_bundle.run(run, run / "finetuned.pt", bundle)


def measure(data: Path, riskgate: Path, run: Path, bundle: Path) -> None:
    """What takes the whole engine: hidden spellings, which go into the card, and the report beside it."""
    actions, labels = run / "obfuscated.jsonl", run / "obfuscated-labels.jsonl"
    obfuscation_set.run(data, actions, labels, SEED)
    evaluate_obfuscation.run(riskgate, bundle, actions, labels, run / "obfuscation.json")
    write_bundle.run(run, run / "finetuned.pt", bundle)
    test = ["--input", str(run / "records/test.jsonl"), "--labels", str(run / "labels/test.jsonl")]
    command = [str(riskgate), "eval", "--model", str(bundle), *test, "--reference", str(run / "model-fp32.onnx")]
    subprocess.run([*command, "--report", str(bundle / "report")], check=True)


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--encoder", type=Path, required=True, help="the riskgate binary")
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--pretraining-tokens", type=int, default=Length.tokens)
    parser.add_argument("--finetuning-epochs", type=int, default=Length.epochs)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    length = Length(options.pretraining_tokens, options.finetuning_epochs)
    rebuild(options.data, EncodeBinary(options.encoder), options.run, options.bundle, length)
    measure(options.data, options.encoder, options.run, options.bundle)
    return 0


if __name__ == "__main__":
    sys.exit(main())
