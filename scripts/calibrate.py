"""Fits calibration and operating point of a model file on the calibration sources.

python calibrate.py --run run --model run/bundle/model.ort --output run/calibration.json
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from tokenizers import Tokenizer

from riskpipe.calibration import fit
from riskpipe.calibration_methods import compare
from riskpipe.dataset import load_examples
from riskpipe.evaluation import choose_points, risk_sample
from riskpipe.operating import curves
from riskpipe.scoring import Calibrated, score
from riskpipe.targets import vectors
from riskpipe.tokenizer import PAD_MARKER, marker_id


def run(run_folder: Path, model: Path, output: Path) -> Calibrated:
    """Writes calibration.json and returns what is in it; writes beside it how other methods of calibration do."""
    examples, rows = load_examples(run_folder, "calibration")
    targets = [example.target for example in examples]
    pad_id = marker_id(Tokenizer.from_file(str(run_folder / "tokenizer.json")), PAD_MARKER)
    scores = score(model, rows, pad_id)
    wanted, weight = vectors(targets)
    calibration = fit(scores.answers, wanted, weight)
    calibrated = scores.calibrated(calibration)
    points = choose_points(calibrated, targets)
    found = Calibrated(calibration, points, curves(risk_sample(calibrated, targets), points.values()))
    found.save(output)
    methods = compare(scores.answers, wanted, weight, [target.source for target in targets])
    output.with_name("calibration_methods.json").write_text(json.dumps(methods, indent=1) + "\n", encoding="utf-8")
    return found


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    print(run(options.run, options.model, options.output).points, file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
