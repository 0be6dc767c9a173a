"""Which source belongs to which split. Sources that share an origin form a cluster and stay together."""

from __future__ import annotations

from typing import Literal

Split = Literal["train", "calibration", "test"]

# Everything that is not named here trains. Clusters, by origin: Atomic Red Team + stockpile + Sigma with their
# documentation (train); AgentDyn (train); BIPIA (train); garak (train); PayloadsAllTheThings + slp (test); CrAIBench
# (test); mini-swe-agent (test); SWE-agent, aider and gemini-cli with their documentation (test).
CALIBRATION: frozenset[str] = frozenset(
    {
        "toolemu",
        "docs-ToolShield",
        "bash-oneliner",
        "ops-uv",
        "docs-uv",
        "ops-ort",
        "docs-ort",
        "ops-text-embeddings-inference",
        "docs-text-embeddings-inference",
        "asb-injected",
        "authored-shell",
        "authored-network",
        "authored-injection",
        "authored-sessions",
    }
)
TEST: frozenset[str] = frozenset(
    {
        "agent-miniswe-gemini3",
        "text-miniswe-gemini3",
        "agent-sweagent-demos",
        "ops-SWE-agent",
        "docs-SWE-agent",
        "ops-aider",
        "docs-aider",
        "ops-gemini-cli",
        "docs-gemini-cli",
        "perm-safety-net",
        "payloads-all-the-things",
        "docs-PayloadsAllTheThings",
        "patt-prompt-injection",
        "slp-malicious",
        "craibench",
        "craibench-injected",
        "craibench-text",
        "purplellama-pi",
    }
)


def split_of(source: str) -> Split:
    """The split of a source; a source never stands in two."""
    if source in CALIBRATION:
        return "calibration"
    if source in TEST:
        return "test"
    return "train"
