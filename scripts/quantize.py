"""Makes the shipped int8 model.onnx and the ORT-format model.ort from a checkpoint.

    python quantize.py --checkpoint run/finetuned.pt --run run --output run/bundle

The ranges of the activations come from training rows.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from riskpipe import SEED
from riskpipe.checkpoints import Checkpoint
from riskpipe.export import save_graph
from riskpipe.quantisation import observe_ranges
from riskpipe.runtime import convert_to_ort
from riskpipe.tokenizer import PAD_MARKER, marker_id
from riskpipe.tokens import IntArray, TokenRows, pad_rows

ACTIONS = 1500
BATCH = 64


def sample_batches(rows: TokenRows, pad_id: int, seed: int) -> Iterator[tuple[IntArray, IntArray]]:
    """Padded batches of the first row of randomly drawn actions: every action once, however long it is."""
    drawn = np.random.default_rng(seed).permutation(len(rows.names))[:ACTIONS]
    for start in range(0, len(drawn), BATCH):
        numbers = [rows.rows_of(int(action))[0] for action in drawn[start : start + BATCH]]
        yield pad_rows([rows.row(number) for number in numbers], pad_id)


def run(checkpoint: Path, run_folder: Path, output: Path) -> None:
    """Writes output/model.onnx and output/model.ort."""
    stored = Checkpoint.load(checkpoint)
    pad_id = marker_id(Tokenizer.from_file(str(run_folder / "tokenizer.json")), PAD_MARKER)
    rows = TokenRows.load(run_folder / "rows/train.npz")
    ranges = observe_ranges(stored.build(), sample_batches(rows, pad_id, SEED))
    save_graph(stored, output / "model.onnx", ranges)
    convert_to_ort(output / "model.onnx", output / "model.ort")


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    run(options.checkpoint, options.run, options.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
