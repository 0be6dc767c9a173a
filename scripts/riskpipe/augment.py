"""Variants of labelled training actions that change the form and not the label (or raise it in a known way).

They answer to shortcuts in the data: benign sources carry a user's request and a folder and attack collections carry
none; attack commands are typed alone and plainly, not in an encoding, a wrapper or after a harmless step; PowerShell
from the attack collections is filed under `Bash`.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from riskpipe.labels import EFFECTS_SLICE
from riskpipe.obfuscation import TRAINING, is_for_bash, rewritten
from riskpipe.records import Label, Record
from riskpipe.targets import Target, target_of

PREFIXES = (
    "cd src && {}",
    "ls -la && {}",
    "git status; {}",
    "echo 'starting' && {}",
    "set -e; {}",
    "export CI=1; {}",
    "pwd; {}",
    "cd /tmp/work || exit 1; {}",
    "true && {}",
)
SUFFIXES = (
    "{} && echo done",
    "{}; echo $?",
    "{} 2>&1 | tail -n 20",
    "{} 2>/dev/null || true",
    "{} && git status",
    "{} 2>&1 | head -50",
)
AMONG_STEPS = 0.3  # share of the reworded variants that stand beside a harmless step; the others are spelled otherwise
DEPTHS = (1, 1, 1, 2)  # how many spellings are laid over each other
# Long rows cost training time, and encodings double the length.
LONGEST_REWORDED = 600
LONGEST_VARIANT = 1500
FOLDERS = ("/home/dev/work/app", "/Users/sam/src/service", "/workspaces/site", "/w/api", "/home/kim/code/tools")


@dataclass(frozen=True)
class Shares:
    """Probability of each kind of variant for an action that it fits."""

    wrapped: float = 0.25
    wrapped_deny: float = 0.5
    sudo: float = 0.04
    request: float = 0.3
    folder: float = 0.25
    powershell: float = 0.6


class Augmenter:
    """Makes variants; owns its random numbers, so the same seed gives the same variants."""

    def __init__(self, requests: Sequence[str], seed: int, shares: Shares | None = None) -> None:
        self._requests = requests
        self._random = random.Random(seed)
        self._shares = shares or Shares()

    def variants(self, record: Record, label: Label) -> list[tuple[Record, Target]]:
        """Zero or more variants of a labelled action, with their targets."""
        found: list[tuple[Record, Target]] = []
        if record.is_text:
            return found
        as_labelled = [self._without_context(record, label), self._other_shell(record)]
        made = [(variant, label) for variant in as_labelled if variant is not None]
        for number, (variant, its_label) in enumerate([*made, *self._reworded(record, label)]):
            self._add(found, replace(variant, id=f"{record.id}~{number}"), its_label)
        if self._simple(record) and self._random.random() < self._shares.sudo:
            self._add_sudo(found, record, label)
        return found

    def in_context(self, record: Record) -> Record:
        """The action, now and then with an unrelated request and a folder, where its source gives none."""
        context = dict(record.context)
        if record.is_text or "user_request" in context or "cwd" in context:
            return record
        if self._requests and self._random.random() < self._shares.request:
            context["user_request"] = self._random.choice(self._requests)
        if self._random.random() < self._shares.folder:
            context["cwd"] = context["workspace"] = self._random.choice(FOLDERS)
        return replace(record, context=context)

    def _add(self, found: list[tuple[Record, Target]], variant: Record, label: Label) -> None:
        found.append((variant, target_of(variant, label)))

    def _without_context(self, record: Record, label: Label) -> Record | None:
        """Real agents' harmless actions without their request, half of the time."""
        if record.kind != "agent_real" or label.risk or not record.context or self._random.random() < 0.5:
            return None
        return replace(record, context={})

    def _other_shell(self, record: Record) -> Record | None:
        if record.shell != "powershell" or record.tool != "Bash" or self._random.random() > self._shares.powershell:
            return None
        return replace(record, tool="PowerShell")

    def _reworded(self, record: Record, label: Label) -> Iterator[tuple[Record, Label]]:
        """The same command spelled to hide or beside a harmless step, at most once; the label may rise with the spelling."""
        chance = self._shares.wrapped_deny if label.risk == 2 else self._shares.wrapped
        if record.tool != "Bash" or record.shell == "powershell" or self._random.random() > chance:
            return
        command = record.input.get("command")
        if not isinstance(command, str) or "<<" in command or len(command) > LONGEST_REWORDED:
            return
        if self._random.random() < AMONG_STEPS or not is_for_bash(command):
            text = self._random.choice((*PREFIXES, *SUFFIXES)).format(command)
        else:
            spelling = rewritten(command, TRAINING, self._random, depth=self._random.choice(DEPTHS), risk=label.risk)
            text, label = spelling.command, spelling.relabelled(label)
        if text != command and len(text) <= LONGEST_VARIANT:
            yield self.in_context(replace(record, input={**record.input, "command": text})), label

    def _simple(self, record: Record) -> bool:
        command = record.input.get("command")
        return (
            record.tool == "Bash"
            and record.shell != "powershell"
            and isinstance(command, str)
            and command[:1].isalpha()
            and not set(command) & set("|;&<>\n")
            and not command.startswith(("sudo", "cd ", "export", "echo"))
        )

    def _add_sudo(self, found: list[tuple[Record, Target]], record: Record, label: Label) -> None:
        """`sudo` makes an action at least one to ask about; what it does to the effects is left open."""
        raised = replace(label, risk=max(label.risk, 1), permission="privileged")
        variant = replace(
            record, id=f"{record.id}~sudo", input={**record.input, "command": f"sudo {record.input['command']}"}
        )
        self._add(found, variant, raised)
        found[-1][1].weight[EFFECTS_SLICE] = 0.0
