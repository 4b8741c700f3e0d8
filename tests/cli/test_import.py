"""``hedonic-graph import`` as a user meets it: the program itself, in a folder of its own."""

import json
import pickle
import re
import subprocess
import sys
from pathlib import Path

import pytest

FILES: dict[str, object] = {
    "L07.json": [[0, 3], [1, 2]],
    "L08.json": [[0], [1, 2, 3]],
    "p.json": [[0, 1, 2, 3]],
    "several.json": {"7": [[0, 3], [1, 2]], "8": [[0, 1, 2, 3]]},
    "twice.json": {"7": [[0, 3], [1, 2, 3]]},
}


def program(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hedonic_graph.cli", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, value in FILES.items():
        (tmp_path / name).write_text(json.dumps(value))
    (tmp_path / "evil.pkl").write_bytes(b"cos\nmkdir\n(\x8c\x04evilttR.")
    (tmp_path / "cut.pkl").write_bytes(pickle.dumps([[0, 1, 2, 3]])[:-3])
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("gone.json --neurons 4", "no partitions at gone.json: no such file"),
        (". --neurons 4", ". is no file"),
        ("L07.json", "how many neurons has a layer? Give --neurons N, or --model"),
        ("L07.json --neurons 0", "neurons must be at least 1, not 0"),
        ("L07.json --neurons 5", "L07.json, layer 7: neuron 4 is in no coalition"),
        ("L07.json --neurons 3", "L07.json, layer 7: coalition 0 holds neuron 3: neurons are 0 to 2"),
        ("twice.json --neurons 4", "twice.json, layer 7: neuron 3 is in coalitions 0 and 1"),
        ("p.json --neurons 4", "p.json: of which layer? Give --layers"),
        ("p.json --neurons 4 --layers seven", "layers 'seven' cannot be read"),
        ("p.json L07.json --neurons 4 --layers 7-9", "--layers names 3 for 2 files"),
        ("L08.json L07.json --neurons 4 --layers 7-8", "L08.json: its name says layer 8, --layers says 7"),
        ("L07.json several.json --neurons 4", "several.json and L07.json are both of layer 7"),
        ("L07.json --neurons 4 --text t.jsonl", "--text without --model"),
        ("L07.json --neurons 4 --mass residual", "--mass needs --model and --text"),
        ("L07.json --neurons 4 --name a/b", "name 'a/b': at most 64 letters"),
        ("L07.json --model ./nowhere", "no model at ./nowhere"),
        ("evil.pkl --neurons 4 --layers 7", "evil.pkl: the pickle is refused, and nothing of it was run"),
        ("cut.pkl --neurons 4 --layers 7", "cut.pkl: no whole pickle"),
    ],
)  # fmt: skip
def test_mistakes_end_in_one_line_and_leave_nothing(folder: Path, arguments: str, says: str) -> None:
    before = sorted(folder.iterdir())
    outcome = program(folder, "import", *arguments.split(), "-o", "new")
    assert outcome.returncode == 2, outcome
    *before_it, line = outcome.stderr.strip().splitlines()
    assert line.startswith(f"Error: {says}")
    assert all(one.endswith("by its name") for one in before_it)
    assert outcome.stdout == ""
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize("arguments", ["", "L07.json", "L07.json --neurons four -o new"])
def test_what_is_missing_is_shown_with_the_usage(folder: Path, arguments: str) -> None:
    outcome = program(folder, "import", *arguments.split())
    assert outcome.returncode == 2
    assert "Usage: " in outcome.stderr
    assert "Traceback" not in outcome.stderr


def test_an_import_prints_its_tables_and_a_second_does_nothing(folder: Path) -> None:
    arguments = ["import", "L08.json", "L07.json", "--neurons", "4", "-o", "new"]
    outcome = program(folder, *arguments)
    assert outcome.returncode == 0, outcome.stderr
    assert outcome.stderr.splitlines()[:2] == ["L08.json: layer 8, by its name", "L07.json: layer 7, by its name"]
    assert "imported layer 8: the largest coalition holds 3 of 4 neurons" in outcome.stderr
    assert outcome.stderr.splitlines()[-1] == "2 pieces written to new"
    rows = [line.split() for line in outcome.stdout.splitlines() if re.match(r" *[78] ", line)]
    assert rows == [["7", "2", "0", "50.0"], ["8", "2", "1", "75.0"]]
    assert "new/imported" in outcome.stdout
    assert "chance" not in outcome.stdout
    again = program(folder, *arguments)
    assert again.stderr.splitlines()[-1] == "new is up to date: nothing to do"
    assert again.stdout == outcome.stdout
    other = program(folder, "import", "several.json", "--neurons", "4", "-o", "new", "--json")
    assert other.returncode == 2
    assert "Error: new/imported holds other partitions (layer 8 differs)" in other.stderr
    named = program(folder, "import", "several.json", "--neurons", "4", "-o", "new", "--name", "other", "--json")
    found = json.loads(named.stdout)
    assert list(found) == ["model", "reliability", "new/imported", "new/imported.other"]
    assert found["reliability"] == []
    assert [row["largest_percent"] for row in found["new/imported.other"]["layers"]] == [50.0, 100.0]


def test_partitions_that_are_not_followed_need_no_torch(folder: Path) -> None:
    code = (
        "import sys\nfrom hedonic_graph.cli import main\n"
        "main(['import', 'L07.json', '--neurons', '4', '-o', 'new'], standalone_mode=False)\n"
        "print(sorted({'torch', 'transformers', 'peft'} & set(sys.modules)))"
    )
    outcome = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, timeout=120)
    assert outcome.stdout.splitlines()[-1] == "[]", outcome.stderr


def test_a_full_import_follows_the_coalitions(
    folder: Path, tiny_base: Path, tiny_adapter: Path, tiny_text: Path
) -> None:
    for layer in (1, 2):
        coalitions = [list(range(start, start + 8)) for start in range(0, 40, 8)]
        (folder / f"layer_{layer}.pkl").write_bytes(pickle.dumps(coalitions))
    model = ["--model", str(tiny_base), "--adapter", str(tiny_adapter), "--text", str(tiny_text)]
    outcome = program(folder, "import", "layer_1.pkl", "layer_2.pkl", *model, "-o", "new")
    assert outcome.returncode == 0, outcome.stderr
    assert "vanish %" in outcome.stdout
    assert "under shuffled membership" in outcome.stdout
    assert "nothing is said of their stability" in outcome.stdout
