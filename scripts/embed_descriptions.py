"""Embeds the descriptions of the training actions with a public sentence encoder.

python embed_descriptions.py --run run
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from riskpipe.descriptions import Descriptions
from riskpipe.records import read_jsonl


def run(run_folder: Path) -> int:
    """Writes descriptions.npz; returns how many there are."""
    rows = read_jsonl(run_folder / "descriptions.jsonl")
    found = Descriptions.embed((row["id"], row["description"]) for row in rows)
    found.save(run_folder / "descriptions.npz")
    return len(found.names)


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True)
    options = parser.parse_args()
    print(f"{run(options.run)} descriptions", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
