"""Trains the tokenizer on the rendered pre-training actions.

    python train_tokenizer.py --encoder ../target/release/riskgate --run run

With --base the byte-pair entries come from an earlier tokenizer.json and only the list of markers is renewed, so that
weights trained with it stay valid.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
from pathlib import Path

from tokenizers import Tokenizer

from riskpipe import SEED
from riskpipe.encoding import EncodeBinary
from riskpipe.tokenizer import add_markers, save, train_bpe

MARKER = re.compile(r"⟦[^⟧]*⟧")


def run(encoder: EncodeBinary, run_folder: Path, size: int, base: Path | None = None) -> Path:
    """Writes run/tokenizer.json and returns its path."""
    if base is None:
        texts = [MARKER.sub("", text) for _, text in encoder.texts(run_folder / "records/pretrain.jsonl")]
        random.Random(SEED).shuffle(texts)
        tokenizer = train_bpe(texts, size)
    else:
        tokenizer = Tokenizer.from_file(str(base))
    add_markers(tokenizer, encoder.markers())
    save(tokenizer, run_folder / "tokenizer.json")
    return run_folder / "tokenizer.json"


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", type=Path, required=True, help="the riskgate binary")
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--size", type=int, default=8192, help="byte-pair entries, markers not counted")
    parser.add_argument("--base", type=Path)
    options = parser.parse_args()
    run(EncodeBinary(options.encoder), options.run, options.size, options.base)
    return 0


if __name__ == "__main__":
    sys.exit(main())
