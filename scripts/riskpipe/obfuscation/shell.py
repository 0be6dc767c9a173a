"""What rewriting a shell command takes: its bare words, quoting for other languages, and tables of transformations.

Owns no transformation. The reader of words is deliberately narrow: where a text is more than a list of simple commands
it finds nothing, and the transformation does not fit, for a rewritten command must still do the same thing.
"""

from __future__ import annotations

import json
import random
import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from riskpipe.labels import PERMISSION
from riskpipe.records import Label

Rewrite = Callable[[str, random.Random], str | None]

# Words that the shell's grammar needs to see literally, and builtins that are no program.
_KEYWORDS = re.compile("if|then|elif|else|fi|for|in|do|done|while|until|case|esac|select|function|time|coproc|declare|local")
_BUILTINS = re.compile(
    "[.:]|alias|bg|builtin|cd|command|eval|exec|exit|export|fg|hash|history|jobs|read|set|shopt|source|trap|ulimit|unset|wait"
)
_TOKEN = re.compile(r"""'[^']*'|"(?:[^"\\]|\\.)*"|\\.|[\w./:=@%+,-]+|\s+|&&|\|\||.""", re.DOTALL | re.ASCII)
_BARE = re.compile(r"[\w./:=@%+,-]+", re.ASCII)
_BEFORE_A_COMMAND = frozenset({";", "|", "(", "&", "&&", "||"})
_AFTER_A_WORD = frozenset({";", "|", ")", "&", "&&", "||"})
# Nested quoting, arithmetic, comments, here-documents and aliases: more than the reader of words understands.
_BEYOND_WORDS = re.compile(r"<<|\bexpand_aliases\b|\$\{|`|\(\(|\[\[|(?:^|\s)#|\"[^\"]*\$\(")
# PowerShell and cmd, which attack collections file under Bash.
_WINDOWS = re.compile(r"\b[A-Z][a-z]+-[A-Z]\w+|\b[A-Za-z]:\\|\\\\\w|\$env:|%\w+%|\.exe\b|\bcmd\s+/c|\breg add\b", re.ASCII)
# What dash does not do, or does otherwise than bash.
_BASH_ONLY = re.compile(
    r"\[\[|\(\(|/dev/(?:tcp|udp)|[<>]\(|&>|>&[^0-9-]|\|&|<<<|\$['\"]|=\(|\{[^}]*,|\$\{|echo -|==|\\|BASH_|\bERR\b"
    r"|\b(?:source|builtin|shopt|mapfile|readarray|pipefail|printf -v)\b"
)


@dataclass(frozen=True)
class Word:
    """A word without quotes, expansions or patterns, and where it stands."""

    start: int
    end: int
    text: str
    is_command: bool


def is_for_bash(command: str) -> bool:
    """Whether this looks like Bash rather than a shell of Windows."""
    return not _WINDOWS.search(command)


def bare_words(command: str) -> list[Word]:
    """The bare words of a list of simple commands; empty for anything that is more than that."""
    if _BEYOND_WORDS.search(command):
        return []
    tokens = list(_TOKEN.finditer(command))
    words: list[Word] = []
    expects_command = after_redirection = False
    for number, token in enumerate(tokens):
        text = token.group()
        before = tokens[number - 1].group() if number else ";"
        after = tokens[number + 1].group() if number + 1 < len(tokens) else ";"
        expects_command = expects_command or before in _BEFORE_A_COMMAND or "\n" in before
        if text.isspace() or text in _BEFORE_A_COMMAND:
            continue
        stands_alone = (before.isspace() or before in _BEFORE_A_COMMAND) and (after.isspace() or after in _AFTER_A_WORD)
        is_assignment = expects_command and "=" in text
        if _BARE.fullmatch(text) and stands_alone and not is_assignment and before != "&":
            if _KEYWORDS.fullmatch(text):
                return []
            words.append(Word(token.start(), token.end(), text, expects_command and not after_redirection))
        expects_command = expects_command and (is_assignment or after_redirection or text in "<>")
        after_redirection = text in "<>"
    return words


def plain_words(command: str) -> list[str] | None:
    """The words of one simple command that consists of bare words alone."""
    words = bare_words(command)
    texts = [word.text for word in words]
    is_plain = bool(words) and words[0].is_command and texts == command.split() and "\n" not in command
    return texts if is_plain else None


def programs(command: str) -> list[Word]:
    """The words that name what is run, where they can be spelled otherwise without a change of meaning."""
    return [word for word in bare_words(command) if word.is_command and len(word.text) > 1 and word.text[0].isalpha()]


def replaced(command: str, spelled: dict[Word, str]) -> str:
    """The command with some of its words spelled otherwise."""
    for word in sorted(spelled, key=lambda word: word.start, reverse=True):
        command = command[: word.start] + spelled[word] + command[word.end :]
    return command


def spell_programs(
    command: str, spell: Callable[[str], str], and_also: Callable[[Word], bool] = lambda _: False
) -> str | None:
    """Spells every program, and further words as wanted, in another way."""
    named = programs(command)
    if not named:
        return None
    further = [word for word in bare_words(command) if not word.is_command and len(word.text) > 2 and and_also(word)]
    return replaced(command, {word: spell(word.text) for word in (*named, *further)})


def closed(command: str) -> str | None:
    """The command with what ends it, so that more may follow; None where its end is not in sight."""
    bare = command.rstrip().rstrip(";")
    # An alias is not known yet where a compound command around it is read.
    if not bare or bare.endswith("\\") or "expand_aliases" in bare:
        return None
    # A comment or a here-document reaches to the end of its line, and `&;` is no shell.
    return f"{bare}\n" if "#" in bare or "<<" in bare or bare.endswith("&") else f"{bare}; "


def is_external(word: str) -> bool:
    """Whether a program of that name can be started without a shell."""
    return not _BUILTINS.fullmatch(word)


def is_portable(command: str) -> bool:
    """Whether any POSIX shell runs the command as bash does."""
    return not _BASH_ONLY.search(command)


def shell_for(command: str, rng: random.Random) -> str:
    """A shell that runs the command as bash would."""
    return rng.choice(("bash", "sh")) if is_portable(command) else "bash"


def quoted(command: str) -> str:
    """One word of the shell."""
    return shlex.quote(command)


def string(text: str) -> str:
    """A double-quoted string of Python, JavaScript and the like, which leaves single quotes for the shell around it."""
    return json.dumps(text, ensure_ascii=False)


def braced(text: str) -> str:
    """What stands after `q` in Perl and `%q` in Ruby: free of quotes."""
    return "{" + re.sub(r"([\\{}])", r"\\\1", text) + "}"


def name(rng: random.Random) -> str:
    """A variable or function name that nothing else uses."""
    return rng.choice("abcdkpqvxyz_") + rng.choice(("", "v", "tmp", "arg", "opt", "val")) + str(rng.randrange(10, 100))


def cut(text: str, rng: random.Random) -> tuple[str, str]:
    """The text in two parts, neither empty."""
    place = rng.randrange(1, len(text))
    return text[:place], text[place:]


@dataclass(frozen=True)
class Transformation:
    """One way to spell a command otherwise.

    `mechanism` is what someone who wants to read the command must understand; `floor` the least risk that the rubric
    gives to what comes out (1 for a payload that nobody can read as it stands); `effects` what it does beside the
    command; `needs` the programs beside bash and coreutils without which it does not run.
    """

    name: str
    mechanism: str
    rewrite: Rewrite
    floor: int = 0
    effects: frozenset[str] = frozenset()
    needs: tuple[str, ...] = ()

    def relabelled(self, label: Label) -> Label:
        """The label of the rewritten command: the original's, or what the spelling adds to it; never less."""
        permission = max(
            label.permission, "workspace" if "workspace_change" in self.effects else "observe", key=PERMISSION.index
        )
        return replace(label, risk=max(label.risk, self.floor), permission=permission, effects=label.effects | self.effects)


class Family:
    """A table of transformations by name, filled by decorators."""

    def __init__(self) -> None:
        self._table: dict[str, Transformation] = {}

    def __iter__(self) -> Iterator[Transformation]:
        return iter(self._table.values())

    def __len__(self) -> int:
        return len(self._table)

    def __getitem__(self, name: str) -> Transformation:
        return self._table[name]

    def rewrites(
        self, mechanism: str, *, opaque: bool = False, floor: int = 0, effect: str = "", needs: str = ""
    ) -> Callable[[Rewrite], Rewrite]:
        """Registers a function under its own name; `needs` are programs, separated by blanks."""
        # The rubric: a hidden payload that is run is at least to be asked about, and code that is hidden in an encoding.
        effects = frozenset({"untrusted_execution"} if opaque else effect.split())

        def register(rewrite: Rewrite) -> Rewrite:
            name = rewrite.__name__
            assert name not in self._table, name
            self._table[name] = Transformation(
                name, mechanism, rewrite, max(floor, int(opaque)), effects, tuple(needs.split())
            )
            return rewrite

        return register
