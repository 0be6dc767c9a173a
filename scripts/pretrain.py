"""Pre-trains the encoder as a masked language model that also learns what described actions mean.

python pretrain.py --run run --output run/pretrained.pt --tokens 38600000
"""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

import torch
from tokenizers import Tokenizer

from riskpipe import SEED
from riskpipe.checkpoints import prepare_cpu
from riskpipe.cooccurrence import count_pairs, embedding_from_counts
from riskpipe.descriptions import Descriptions
from riskpipe.model import Encoder, ModelConfig
from riskpipe.pretraining import CONTINUING_RATES, RATES, Material, PretrainConfig, pretrain
from riskpipe.tokenizer import MASK_MARKER, PAD_MARKER, marker_id
from riskpipe.tokens import TokenRows
from riskpipe.transfer import load_into


def run(run_folder: Path, output: Path, tokens: int, start: Path | None = None, threads: int = 2) -> float:
    """Trains from scratch, or from the checkpoint `start`; returns the last loss."""
    prepare_cpu(threads)
    torch.manual_seed(SEED)
    tokenizer = Tokenizer.from_file(str(run_folder / "tokenizer.json"))
    model = Encoder(ModelConfig(vocabulary=tokenizer.get_vocab_size(), dropout=0.0))
    token_rows = TokenRows.load(run_folder / "rows/pretrain.npz")
    if start is not None:
        load_into(model, start)
    else:
        counts = count_pairs(token_rows, model.config.vocabulary)
        embedding = embedding_from_counts(counts, model.config.hidden, spread=0.05, seed=SEED)
        model.tokens.weight.data.copy_(torch.from_numpy(embedding))
    config = PretrainConfig(tokens=tokens, rates=RATES if start is None else CONTINUING_RATES, seed=SEED)
    mask_id, pad_id = marker_id(tokenizer, MASK_MARKER), marker_id(tokenizer, PAD_MARKER)
    material = Material.of(token_rows, Descriptions.load(run_folder / "descriptions.npz"))
    return pretrain(model, material, config, mask_id, pad_id, output)


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--start", type=Path, help="a checkpoint to go on from")
    parser.add_argument("--tokens", type=int, default=38_600_000)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    run(options.run, options.output, options.tokens, options.start, options.threads)
    return 0


if __name__ == "__main__":
    sys.exit(main())
