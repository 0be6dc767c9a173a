"""Writes what the engine must reproduce: token ids of texts; logits and calibrated answers of whole actions.

python write_parity_vectors.py --encoder ../target/release/riskgate --bundle ../models/riskgate-small \
        --corpus ../tests/corpus --output ../tests/fixtures/parity.json
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from riskpipe.aggregate import action_questions
from riskpipe.calibration import Calibration
from riskpipe.encoding import EncodeBinary
from riskpipe.labels import DENY, HEADS, INJECTION, STOP
from riskpipe.manifest import file_facts, golden_case
from riskpipe.records import read_jsonl, write_jsonl
from riskpipe.runtime import Runtime
from riskpipe.tokenizer import PAD_MARKER, marker_id
from riskpipe.tokens import TokenRows

LARGEST_BYTES = 200_000
PER_FAMILY = 4
LARGEST_ROWS = 6


def sample_actions(corpus: Path) -> list[dict[str, Any]]:
    """A few actions of every corpus file, evenly spread over it."""
    chosen: list[dict[str, Any]] = []
    for path in sorted(corpus.glob("*.jsonl")):
        actions = list(read_jsonl(path))
        chosen.extend(actions[:: max(1, len(actions) // PER_FAMILY)][:PER_FAMILY])
    keys = ("id", "tool", "input", "context")
    return [{key: action[key] for key in keys if key in action} for action in chosen]


def encoded(encoder: EncodeBinary, actions: list[dict[str, Any]], tokenizer: Path) -> TokenRows:
    """Token rows of the actions by the engine."""
    with tempfile.TemporaryDirectory() as folder:
        records = Path(folder) / "records.jsonl"
        write_jsonl(records, actions)
        return encoder.token_rows(records, tokenizer)


def text_of(action: dict[str, Any]) -> str:
    """The longest string among the arguments."""
    return max((value for value in action["input"].values() if isinstance(value, str)), key=len, default="")


def answers(case: dict[str, Any], calibration: Calibration) -> dict[str, float]:
    """The calibrated answers that decide: what the engine must make of the logits."""
    logits = np.array([np.concatenate([case[name][row] for name, _ in HEADS]) for row in range(len(case["input_ids"]))])
    calibrated = calibration.apply(action_questions(logits, np.array([0, len(logits)])))[0]
    questions = {"stop": STOP, "deny": DENY, "injection": INJECTION}
    return {name: round(float(calibrated[number]), 5) for name, number in questions.items()}


def run(encoder: EncodeBinary, bundle: Path, corpus: Path, output: Path) -> int:
    """Writes the file and returns its size in bytes; leaves out actions once it would grow too large."""
    tokenizer = Tokenizer.from_file(str(bundle / "tokenizer.json"))
    pad_id = marker_id(tokenizer, PAD_MARKER)
    manifest = json.loads((bundle / "manifest.json").read_text(encoding="utf-8"))
    calibration = Calibration.from_manifest(manifest["calibration"])
    actions = {action["id"]: action for action in sample_actions(corpus)}
    rows, runtime = encoded(encoder, list(actions.values()), bundle / "tokenizer.json"), Runtime.load(bundle / "model.ort")
    document: dict[str, Any] = {"model": file_facts(bundle / "model.ort")["sha256"], "texts": [], "actions": []}
    size = 0
    for number, name in enumerate(rows.names):
        if len(rows.rows_of(number)) > LARGEST_ROWS:
            continue
        text = text_of(actions[name])
        texts = {"text": text, "ids": tokenizer.encode(text, add_special_tokens=False).ids}
        case = golden_case(runtime, rows.action_rows(number), pad_id)
        action = {"record": actions[name], **case, "answers": answers(case, calibration)}
        size += len(json.dumps([texts, action], ensure_ascii=False).encode()) + 4
        if size > LARGEST_BYTES - 1000:
            break
        # The engine spells other scripts in ASCII first.
        if text.isascii():
            document["texts"].append(texts)
        document["actions"].append(action)
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(document, ensure_ascii=False) + "\n", encoding="utf-8")
    return output.stat().st_size


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", type=Path, required=True, help="the riskgate binary")
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    size = run(EncodeBinary(options.encoder), options.bundle, options.corpus, options.output)
    print(f"{options.output}: {size} bytes", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
