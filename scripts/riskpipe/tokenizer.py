"""Trains the tokenizer: byte-level BPE, cased, with the engine's markers as single added tokens."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

CLASS_MARKER = "⟦cls⟧"
PAD_MARKER = "⟦pad⟧"
MASK_MARKER = "⟦mask⟧"
# Stands in every row of a text, and in no other.
TEXT_MARKER = "⟦tool_text⟧"

# Flags, path parts, variables and extensions keep the sign that gives them their meaning (`--force`, `/etc`, `$HOME`,
# `.env`); digits come in groups of at most three. No look-around, so every regex engine agrees on it.
PRE_TOKEN = r" ?(?:--?|[/._$@:=~%+#&])?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+|\s+"


def train_bpe(texts: Iterable[str], size: int) -> Tokenizer:
    """A tokenizer of `size` byte-level entries, without markers."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PRE_TOKEN), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        min_frequency=2,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def add_markers(tokenizer: Tokenizer, markers: Sequence[str]) -> None:
    """Appends the markers that are missing at the end, so that no id moves when their list grows."""
    wanted = [*markers, *(extra for extra in (PAD_MARKER, MASK_MARKER) if extra not in markers)]
    tokenizer.add_special_tokens([AddedToken(marker, special=True, normalized=False) for marker in wanted])


def save(tokenizer: Tokenizer, path: Path) -> None:
    """Writes tokenizer.json without indentation: it is parsed at every start of the engine."""
    path.parent.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(path), pretty=False)


def marker_id(tokenizer: Tokenizer, marker: str) -> int:
    """The id of a marker; raises KeyError when the tokenizer lacks it."""
    found = tokenizer.token_to_id(marker)
    if found is None:
        raise KeyError(marker)
    return int(found)
