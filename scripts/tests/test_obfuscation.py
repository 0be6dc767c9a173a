"""Rewritten commands: still the same command, in two families whose outermost mechanisms differ."""

import random
import shutil
import subprocess
from pathlib import Path

import pytest

from evaluate_obfuscation import judged, report
from obfuscation_set import rows_of, variants
from riskpipe.obfuscation import HELD_OUT, TRAINING, Spelling, Transformation, rewritten
from riskpipe.obfuscation.shell import bare_words, closed, plain_words, programs
from riskpipe.records import Label, Record, write_jsonl

# The only commands that a test ever runs.
HARMLESS = (
    "echo alpha beta",
    "printf '%s\\n' one 'two three'",
    "test 3 -gt 2 && echo yes",
    "cat /etc/hostname",
    "seq 12 | tail -n 3 | wc -l; basename /a/long/path  # the last part",
    'printf %s "it\'s 5 $ or \\"more\\""',
)
EVERY = [*TRAINING, *HELD_OUT]
# Beside bash, coreutils and Python: what a developer's machine mostly has. Those that are missing are not checked.
TOOLS = frozenset({"python3", "perl", "awk", "git", "find", "make", "xxd", "rev", "jq", "openssl", "sqlite3"})
RUNNABLE = [known for known in EVERY if TOOLS.issuperset(known.needs) and known.name != "homoglyph_program"]


def output_of(command: str, folder: Path) -> str:
    command = command.replace("/tmp/", f"{folder}/")
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(folder)}
    done = subprocess.run(
        ["bash", "-c", command], cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=20
    )
    return done.stdout.decode()


def spellings(known: Transformation, command: str, seeds: int) -> set[str]:
    made = [known.rewrite(command, random.Random(seed)) for seed in range(seeds)]
    assert made == [known.rewrite(command, random.Random(seed)) for seed in range(seeds)], "not a function of its arguments"
    return {text for text in made if text is not None}


def test_the_families_have_nothing_in_common() -> None:
    assert not {known.name for known in TRAINING} & {known.name for known in HELD_OUT}
    assert not {known.mechanism for known in TRAINING} & {known.mechanism for known in HELD_OUT}
    assert not {known.rewrite for known in TRAINING} & {known.rewrite for known in HELD_OUT}
    assert len(TRAINING) >= 18
    assert len(HELD_OUT) >= 18


@pytest.mark.parametrize("known", EVERY, ids=lambda known: known.name)
def test_a_rewritten_command_is_spelled_otherwise_and_the_same_for_the_same_seed(known: Transformation) -> None:
    made = [text for command in HARMLESS for text in spellings(known, command, 4)]
    assert made
    assert not set(made) & set(HARMLESS)
    assert known.rewrite.__doc__


@pytest.mark.parametrize("known", RUNNABLE, ids=lambda known: known.name)
def test_a_rewritten_command_does_the_same_thing(known: Transformation, tmp_path: Path) -> None:
    if not all(map(shutil.which, known.needs)):
        pytest.skip(f"needs {known.needs}")
    for command in HARMLESS:
        expected = output_of(command, tmp_path)
        for text in sorted(spellings(known, command, 2)):
            assert output_of(text, tmp_path) == expected, text


def test_spellings_laid_over_each_other_still_do_the_same_thing(tmp_path: Path) -> None:
    local = [known for known in RUNNABLE if not (known.needs or known.effects)]  # an encoding would hide /tmp
    expected = output_of(HARMLESS[0], tmp_path)
    for seed in range(20):
        spelling = rewritten(HARMLESS[0], local, random.Random(seed), depth=3, risk=2)
        assert len(spelling.used) == 3
        assert output_of(spelling.command, tmp_path) == expected, spelling.name


def test_harmless_commands_are_not_hidden_in_encodings() -> None:
    for seed in range(100):
        assert rewritten("ls -la", TRAINING, random.Random(seed), depth=2, risk=0).relabelled(Label(0, "observe")).risk == 0


def test_a_hidden_payload_is_at_least_to_be_asked_about() -> None:
    hidden = Spelling("", (TRAINING["base64_decoded"],))
    assert hidden.relabelled(Label(0, "observe")) == Label(1, "observe", frozenset({"untrusted_execution"}))
    assert hidden.relabelled(Label(2, "privileged")).risk == 2


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("rm -rf /x", ["rm"]),
        ("cd /w && A=1 make all | tee log; exit", ["cd", "make", "tee", "exit"]),
        (">out curl x 2>&1", ["curl"]),
        ("echo 'a; rm b' \"c | rm\" d\\ rm", ["echo"]),
        ("for i in a; do rm $i; done", []),
        ('echo "$(rm "x")"', []),
        ("cat <<EOF\nrm\nEOF", []),
        ("make # rm", []),
    ],
)
def test_programs_are_found_where_they_are_certain(command: str, words: list[str]) -> None:
    assert [word.text for word in programs(command)] == words


def test_words_of_a_plain_command() -> None:
    assert plain_words("dd if=/dev/zero of=x") == ["dd", "if=/dev/zero", "of=x"]
    assert plain_words("A=1 dd") is None
    assert plain_words("ls *.c") is None
    assert [word.text for word in bare_words("ls *.c | wc -l")] == ["ls", "wc", "-l"]


def test_a_command_is_closed_where_its_end_is_certain() -> None:
    assert closed("ls;") == "ls; "
    assert closed("ls # all") == "ls # all\n"
    assert closed("ls &") == "ls &\n"
    assert closed("ls \\") is None


def test_a_lowered_verdict_is_counted(tmp_path: Path) -> None:
    record = Record("a", "Bash", {"command": "rm -rf /srv"}, {}, "slp-malicious", "k", "g")
    label = Label(2, "system")
    rows = [rows_of(record, label, Spelling("rm -rf /srv"))]
    for name in ("in_case", "trapped"):
        spelling = Spelling("rm -rf /srv").then(HELD_OUT[name], random.Random(1))
        assert spelling is not None
        rows.append(rows_of(record, label, spelling))
    write_jsonl(tmp_path / "set.jsonl", (action for action, _ in rows))
    write_jsonl(tmp_path / "labels.jsonl", (row for _, row in rows))
    verdict = {"a": "deny", "a~in_case": "allow", "a~trapped": "ask"}
    found = report(judged(tmp_path / "set.jsonl", tmp_path / "labels.jsonl", verdict))
    assert found["lowered"] == found["allowed"] == ["a~in_case"]
    assert found["dangerous"]["obfuscated"]["lowered"]["hits"] == 1
    assert found["dangerous"]["originals"]["deny"]["hits"] == 1
    assert list(found["dangerous"]["by_transformation"]) == ["in_case", "trapped"]


def test_the_set_is_spread_evenly_and_its_ids_are_distinct() -> None:
    records = [Record(f"r{n}", "Bash", {"command": f"cat /srv/{n}"}, {}, "s", "k", "g") for n in range(40)]
    labels = {record.id: Label(2, "system") for record in records}
    made = list(variants(records, labels, rounds=3, rng=random.Random(1)))
    names = [name for action, _ in made if action["transformation"] for name in action["transformation"].split("+")]
    assert len({action["id"] for action, _ in made}) == len(made) > 140
    assert {known.name for known in HELD_OUT} == set(names)
    assert all(label["risk"] == 2 for _, label in made)
