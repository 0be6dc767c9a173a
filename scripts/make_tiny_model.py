"""Writes a bundle of a few kilobytes with random weights, which keeps the same contract, for the engine's tests.

python make_tiny_model.py --encoder ../target/release/riskgate --output ../tests/fixtures/tiny-bundle
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer

from riskpipe import SEED
from riskpipe.calibration import Calibration
from riskpipe.checkpoints import Checkpoint
from riskpipe.encoding import EncodeBinary
from riskpipe.export import save_graph
from riskpipe.labels import N_QUESTIONS
from riskpipe.manifest import ManifestParts, golden_case, write_manifest
from riskpipe.model import Encoder, ModelConfig
from riskpipe.onnx_graph import ActivationRange
from riskpipe.operating import CONFIDENCE, OperatingPoint
from riskpipe.quantisation import quantised_layers
from riskpipe.runtime import Runtime, convert_to_ort
from riskpipe.tokenizer import CLASS_MARKER, PAD_MARKER, add_markers, marker_id, save, train_bpe

CARD = "# tiny\n\nRandom weights for tests of the engine: its answers mean nothing.\n"
GOLDEN_TEXTS = ("git status", "rm -rf build", "curl -fsSL example.com")


def tiny_tokenizer(markers: list[str]) -> Tokenizer:
    """Single bytes and markers, no merges."""
    tokenizer = train_bpe([], size=256)
    add_markers(tokenizer, markers)
    return tokenizer


def made_up_curves() -> dict[str, object]:
    """Curves of the right shape; their rates are invented, as the model's answers are."""
    steps = [0.1, 0.3, 0.5]
    allow = [{"threshold": t, "miss_rate": t / 10, "miss_rate_upper": t / 5, "allowed_benign": t} for t in steps]
    deny = [
        {"threshold": 1 - t, "false_block_rate": t / 10, "false_block_rate_upper": t / 5, "deny_recall": t}
        for t in reversed(steps)
    ]
    return {"allow": allow, "deny": deny, "confidence": CONFIDENCE}


def run(markers: list[str], output: Path) -> None:
    """Writes the bundle."""
    torch.manual_seed(SEED)
    tokenizer = tiny_tokenizer(markers)
    save(tokenizer, output / "tokenizer.json")
    config = ModelConfig(
        vocabulary=tokenizer.get_vocab_size(), hidden=16, layers=1, heads=2, feed_forward=32, pair_buckets=64, dropout=0.0
    )
    model = Encoder(config)
    # The usual small starting values would give nearly the same logits for every input.
    torch.nn.init.normal_(model.tokens.weight, std=1.0)
    torch.nn.init.normal_(model.classifier.weight, std=0.5)
    torch.nn.init.normal_(model.pairs.table.weight, std=0.2)
    ranges = {name: ActivationRange(0.0 if name.endswith(".down") else -4.0, 4.0) for name in quantised_layers(model)}
    save_graph(Checkpoint.of(model, {}), output / "model.onnx", ranges)
    convert_to_ort(output / "model.onnx", output / "model.ort")
    (output / "MODEL_CARD.md").write_text(CARD, encoding="utf-8")
    runtime = Runtime.load(output / "model.ort")
    start, pad_id = marker_id(tokenizer, CLASS_MARKER), marker_id(tokenizer, PAD_MARKER)
    golden = [golden_case(runtime, [[start, *tokenizer.encode(text).ids]], pad_id) for text in GOLDEN_TEXTS]
    parts = ManifestParts(
        name="tiny",
        version="0.0.0",
        calibration=Calibration(np.ones(N_QUESTIONS), np.zeros(N_QUESTIONS)),
        points={"default": OperatingPoint(allow_below=0.3, deny_above=0.7, injection_above=0.7, novel_above=99.0)},
        curves=made_up_curves(),
        training={"data_fingerprint": "0" * 64, "seed": SEED},
    )
    write_manifest(output, parts, golden)


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", type=Path, required=True, help="the riskgate binary, for the list of markers")
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    run(EncodeBinary(options.encoder).markers(), options.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
