"""Which source belongs to which split, fold by fold. Sources that share an origin form a cluster and stay together.

The model that ships is the one of `MAIN`. The other folds test the same recipe on sources that `MAIN` trains or
calibrates on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Split = Literal["train", "calibration", "test"]

# Clusters, by origin.
MINI_SWE = frozenset({"agent-miniswe-gemini3", "text-miniswe-gemini3"})
SPECSTORY = frozenset({"agent-specstory", "text-specstory", "docs-getspecstory"})
SWE_AGENT = frozenset({"agent-sweagent-demos", "ops-SWE-agent", "docs-SWE-agent"})
AIDER = frozenset({"ops-aider", "docs-aider"})
GEMINI_CLI = frozenset({"ops-gemini-cli", "docs-gemini-cli"})
UV = frozenset({"ops-uv", "docs-uv"})
ORT = frozenset({"ops-ort", "docs-ort"})
EMBEDDINGS = frozenset({"ops-text-embeddings-inference", "docs-text-embeddings-inference"})
DOCKERFILES = frozenset({"ops-dockerfiles", "docs-dockerfiles"})
CEDAR = frozenset({"ops-cedar", "docs-cedar"})
ATTACK_SIMULATIONS = frozenset(
    {
        "atomic-red-team",
        "docs-atomic-red-team",
        "stockpile",
        "docs-stockpile",
        "sigma-regression",
        "docs-sigma",
    }
)
PAYLOADS = frozenset({"payloads-all-the-things", "docs-PayloadsAllTheThings", "patt-prompt-injection", "slp-malicious"})
CRAIBENCH = frozenset({"craibench", "craibench-injected", "craibench-text"})
AGENTDYN = frozenset({"agentdyn", "agentdyn-injected", "agentdyn-text"})
TOOLEMU = frozenset({"toolemu", "docs-ToolShield"})
BIPIA = frozenset({"bipia-injected", "bipia-clean", "docs-BIPIA", "ops-BIPIA"})
GARAK = frozenset({"garak", "docs-garak", "ops-garak"})
AUTHORED_HELD_OUT = frozenset(
    {
        "authored-shell",
        "authored-network",
        "authored-injection",
        "authored-sessions",
        "authored-requests-wide",
        "authored-mixed",
    }
)


@dataclass(frozen=True)
class Fold:
    """The sources that calibrate and those that test; everything that is not named trains."""

    name: str
    calibration: frozenset[str]
    test: frozenset[str]

    def split_of(self, source: str) -> Split:
        """The split of a source; a source never stands in two."""
        if source in self.calibration:
            return "calibration"
        if source in self.test:
            return "test"
        return "train"


MAIN = Fold(
    "main",
    calibration=TOOLEMU | UV | ORT | EMBEDDINGS | AUTHORED_HELD_OUT | {"bash-oneliner", "asb-injected"},
    test=MINI_SWE | SWE_AGENT | AIDER | GEMINI_CLI | PAYLOADS | CRAIBENCH | {"perm-safety-net", "purplellama-pi"},
)
# Real sessions, attack simulations and office tools.
SESSIONS = Fold(
    "sessions",
    calibration=SWE_AGENT | AIDER | GEMINI_CLI | AUTHORED_HELD_OUT | {"perm-safety-net", "bash-oneliner", "asb-injected"},
    test=SPECSTORY | ATTACK_SIMULATIONS | TOOLEMU | BIPIA | DOCKERFILES | CEDAR,
)
# Benchmarks, jailbreaks and everyday one-liners.
BENCHMARKS = Fold(
    "benchmarks",
    calibration=SWE_AGENT | TOOLEMU | ORT | EMBEDDINGS | AUTHORED_HELD_OUT | {"perm-safety-net", "purplellama-pi"},
    test=AGENTDYN | GARAK | UV | {"nl2bash", "bash-oneliner", "asb-injected"},
)
FOLDS = {fold.name: fold for fold in (MAIN, SESSIONS, BENCHMARKS)}
