"""Encodes the built sets to token rows with the engine's own encoder.

python encode_dataset.py --encoder ../target/release/riskgate --run run
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from riskpipe.encoding import EncodeBinary

SETS = ("train", "calibration", "test", "pretrain")


def run(encoder: EncodeBinary, run_folder: Path, sets: tuple[str, ...] = SETS) -> None:
    """Writes rows/<set>.npz for every set."""
    for name in sets:
        rows = encoder.token_rows(run_folder / f"records/{name}.jsonl", run_folder / "tokenizer.json")
        rows.save(run_folder / f"rows/{name}.npz")
        print(f"{name}: {len(rows.names)} actions, {len(rows.row_lengths)} rows, {len(rows.ids)} tokens", file=sys.stderr)


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", type=Path, required=True, help="the riskgate binary")
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    options = parser.parse_args()
    run(EncodeBinary(options.encoder), options.run, tuple(options.sets))
    return 0


if __name__ == "__main__":
    sys.exit(main())
