"""Exports a checkpoint as a float32 ONNX file, the reference that the int8 file is compared with.

python export_onnx.py --checkpoint run/finetuned.pt --output run/model-fp32.onnx
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import onnx
import torch

from riskpipe import SEED
from riskpipe.checkpoints import Checkpoint
from riskpipe.export import save_graph
from riskpipe.runtime import Runtime

LARGEST_DIFFERENCE = 1e-3


def run(checkpoint: Path, output: Path) -> float:
    """Writes the file and returns its largest difference from torch on random rows."""
    stored = Checkpoint.load(checkpoint)
    save_graph(stored, output, ranges=None)
    onnx.checker.check_model(str(output))
    rng = np.random.default_rng(SEED)
    ids = rng.integers(0, stored.config.vocabulary, (3, 40))
    mask = np.ones_like(ids)
    mask[1, 25:] = 0
    with torch.no_grad():
        expected = stored.build().outputs(torch.from_numpy(ids), torch.from_numpy(mask)).numpy()
    difference = float(np.abs(Runtime.load(output).outputs(ids, mask) - expected).max())
    if difference > LARGEST_DIFFERENCE:
        raise ValueError(f"the exported graph differs from torch by {difference}")
    return difference


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    print(f"largest difference from torch: {run(options.checkpoint, options.output):.2e}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
