"""Trains and tests the recipe once for every fold, each with its sources unseen in training, calibration and vocabulary.

python cross_validate.py --data DATA --encoder ../target/release/riskgate --run run/folds --output run/folds.json

The folds train as long as asked for, which may be less than the shipped model: `main` beside the others shows the same
recipe at the same length. A fold of the same length that is already in `--output` is not trained again.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
from pathlib import Path
from typing import Any

import rebuild
from riskpipe.encoding import EncodeBinary
from riskpipe.splits import FOLDS


def run(data: Path, encoder: EncodeBinary, folder: Path, output: Path, folds: list[str], length: rebuild.Length) -> None:
    """Adds the figures of every fold to `output`."""
    found: dict[str, Any] = json.loads(output.read_text(encoding="utf-8")) if output.exists() else {}
    for name in folds:
        known = found.get(name, {})
        if (known.get("pretraining_tokens"), known.get("epochs")) == (length.tokens, length.epochs):
            continue
        own = folder / name
        rebuild.rebuild(data, encoder, own, own / "final", length, FOLDS[name])
        report = json.loads((own / "evaluation.json").read_text(encoding="utf-8"))
        found[name] = {"pretraining_tokens": length.tokens, "epochs": length.epochs, **report}
        output.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--encoder", type=Path, required=True, help="the riskgate binary")
    parser.add_argument("--run", type=Path, required=True, help="where each fold gets a folder of its own")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--folds", nargs="+", choices=FOLDS, default=list(FOLDS))
    parser.add_argument("--pretraining-tokens", type=int, default=rebuild.Length.tokens)
    parser.add_argument("--finetuning-epochs", type=int, default=rebuild.Length.epochs)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    length = rebuild.Length(options.pretraining_tokens, options.finetuning_epochs)
    run(options.data, EncodeBinary(options.encoder), options.run, options.output, options.folds, length)
    return 0


if __name__ == "__main__":
    sys.exit(main())
