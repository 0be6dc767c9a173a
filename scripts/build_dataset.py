"""Builds the pre-training, training, calibration and test sets from the data folder.

python build_dataset.py --data ../../shared/data --run run
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from riskpipe import SEED
from riskpipe.dataset import build
from riskpipe.splits import FOLDS, MAIN


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--fold", choices=FOLDS, default=MAIN.name)
    parser.add_argument("--seed", type=int, default=SEED)
    options = parser.parse_args()
    for name, count in build(options.data, options.run, options.seed, FOLDS[options.fold]).items():
        print(f"{name}: {count} actions", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
