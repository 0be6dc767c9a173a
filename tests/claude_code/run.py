"""Runs the proofs on the real Claude Code: fetches what is missing, makes a cage, and lets pytest run in it.

    python3 tests/claude_code/run.py --riskgate target/release/riskgate [pytest's arguments]

Exit code 77 and a loud line when this machine cannot do it (no npm, no namespaces, another system than Linux).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

import cage

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
SKIPPED = 77

sys.path.insert(0, str(REPOSITORY / "scripts"))
import setup_tests  # noqa: E402 the scripts are no package


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--riskgate", type=Path, default=REPOSITORY / "target" / "release" / "riskgate")
    parser.add_argument("--runtime", type=Path, help="the ONNX Runtime library (default: the one in .riskgate/lib)")
    options, more = parser.parse_known_args()
    try:
        cage.check()
        setup_tests.run()
    except (cage.NoCage, setup_tests.Unavailable) as reason:
        print(f"\n=== SKIPPED: the proofs on the real Claude Code did NOT run: {reason} ===\n", file=sys.stderr, flush=True)
        return SKIPPED
    runtime = options.runtime or next((REPOSITORY / ".riskgate" / "lib").glob("libonnxruntime.so*"), None)
    if runtime is None:
        parser.error("ONNX Runtime is missing: run `python3 scripts/setup.py`")
    return run(options.riskgate.resolve(), runtime.resolve(), more)


def run(riskgate: Path, runtime: Path, more: list[str]) -> int:
    """Pytest in a cage, on these programs."""
    programs = {"RISKGATE": riskgate, "RUNTIME": runtime, "CLAUDE": setup_tests.CLAUDE}
    # Nothing of this environment is the business of what runs in there.
    environment = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}
    environment |= {f"PROOF_{name}": str(path) for name, path in programs.items()}
    pytest = [str(setup_tests.PYTHON), "-m", "pytest", "-p", "no:cacheprovider", *more]
    keep = [REPOSITORY, Path(sys.base_prefix), riskgate, runtime]
    return subprocess.run(cage.command(pytest, keep), env=environment, cwd=HERE, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
