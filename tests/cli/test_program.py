"""The program as a user meets it: help that answers at once, and mistakes in one line with exit code 2."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import numpy as np
import pytest
import torch
from click.testing import CliRunner

from hedonic_graph.cli import COMMANDS, CONTINUED, main
from hedonic_graph.cli.memory import advice, ran_out

HEAVY = ("torch", "transformers", "peft", "pandas", "neo4j", "sklearn", "igraph")


@pytest.mark.parametrize("arguments", [["--help"], *([name, "--help"] for name in COMMANDS)], ids=" ".join)
def test_help_imports_nothing_heavy_and_has_an_example(arguments: list[str]) -> None:
    program = (
        "import sys\nfrom hedonic_graph.cli import main\n"
        f"try:\n    main({arguments!r})\nfinally:\n"
        f"    print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert found.returncode == 0
    assert found.stderr.strip() == "[]"
    assert "Example:" in found.stdout


def complain(*arguments: str) -> str:
    """Run the program on a mistake and return its one line."""
    outcome = CliRunner().invoke(main, arguments)
    assert outcome.exit_code == 2, outcome.output
    lines = outcome.stderr.strip().splitlines()
    assert len([line for line in lines if line.startswith("Error: ")]) == 1
    assert "Traceback" not in outcome.output
    return lines[-1]


@pytest.fixture
def analyze(tiny_base: Path, tiny_adapter: Path, tiny_text: Path, tmp_path: Path) -> dict[str, str]:
    return {
        "--model": str(tiny_base),
        "--adapter": str(tiny_adapter),
        "--text": str(tiny_text),
        "--layers": "1-2",
        "-o": str(tmp_path / "new"),
    }


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"--model": "./nowhere"}, "no model at ./nowhere"),
        ({"--layers": "2-9"}, "tiny has no layer 4: its layers are 0-3"),
        ({"--layers": "two"}, "write 7-14 or 7,8,9"),
        ({"--text": "nowhere.jsonl"}, "no text at nowhere.jsonl"),
        ({"--readout-norm": "off"}, "every pairwise interaction is exactly zero"),
        ({"--device": "tpu9"}, "device 'tpu9' cannot be used"),
        ({"--solver": "random"}, "name one beside it"),
        ({"--kmin": "11"}, "kmax 10 is below kmin 11"),
        ({"--seed": "-1"}, "a seed must be at least 0"),
        ({"--kmin": "18", "--kmax": "20"}, "kmin must be at most 17"),
        ({"--device": "meta"}, "device 'meta' cannot be used"),
        ({"-o": "/dev/null/x"}, "Not a directory"),
        ({"--depth": "3"}, "need a folder of TREC files"),
        ({"--config": "nowhere.toml"}, "configuration nowhere.toml cannot be read"),
    ],
)
def test_mistakes(analyze: dict[str, str], change: dict[str, str], says: str) -> None:
    arguments = [part for item in (analyze | change).items() for part in item]
    assert says in complain("analyze", *arguments)
    assert not Path(analyze["-o"]).exists()


def test_what_is_missing_is_named(analyze: dict[str, str]) -> None:
    for name in ("--model", "--text", "--layers"):
        rest = [part for item in analyze.items() if item[0] != name for part in item]
        assert f"missing {name}" in complain("analyze", *rest)


def test_text_without_pairs(analyze: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").write_text("\n")
    arguments = [part for item in (analyze | {"--text": str(tmp_path / "empty.jsonl")}).items() for part in item]
    assert "holds no pairs" in complain("analyze", *arguments)


def test_unknown_key_in_the_configuration(analyze: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text("modle = 'x'\n")
    assert "unknown key 'modle'" in complain("analyze", "--config", str(tmp_path / "c.toml"), "-o", analyze["-o"])


@pytest.mark.parametrize("line", ['k = "three"', 'layers = ["a"]', "model = 3", "k = true", "seed = 0.5"])
def test_values_of_the_wrong_type(analyze: dict[str, str], tmp_path: Path, line: str) -> None:
    (tmp_path / "c.toml").write_text(line + "\n")
    said = complain("analyze", "--config", str(tmp_path / "c.toml"), "-o", analyze["-o"])
    assert f"{line.split()[0]} = " in said
    assert "is of the wrong type" in said


@pytest.mark.parametrize("name", ["delete/run", "load/members", "../README", "check/connection"])
def test_only_questions_can_be_asked(name: str) -> None:
    assert f"no query is called '{name}'" in complain("query", name, "-p", "run=x")


def test_options_override_the_file(analyze: dict[str, str], tmp_path: Path) -> None:
    from hedonic_graph.cli.analyze import build_config

    path = tmp_path / "c.toml"
    path.write_text('model = "a"\ntext = "t"\nlayers = "7-9"\nsolver = "exact"\nk = 2\n')
    config = build_config(path, {"layers": "3,5", "k": None, "seed": (), "valuation": ("oca",)})
    assert (config.layers, config.k, config.solver, config.valuation) == ((3, 5), 2, ("exact",), ("oca",))


def test_a_full_run_prints_its_tables(analyze: dict[str, str]) -> None:
    arguments = [part for item in analyze.items() for part in item]
    extra = ["--solver", "exact", "--certificate-samples", "200"]
    outcome = CliRunner().invoke(main, ["analyze", *arguments, *extra])
    assert outcome.exit_code == 0, outcome.output
    assert "new/pas.exact" in outcome.stdout
    assert "under shuffled membership" in outcome.stdout
    again = CliRunner().invoke(main, ["analyze", *arguments, *extra])
    assert "is up to date: nothing to do" in again.stderr
    assert again.stdout == outcome.stdout


def cpu_full() -> None:
    torch.empty(1 << 50)


def cpu_full_for_numpy() -> None:
    np.empty(1 << 50)


def gpu_full() -> None:
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nGPU 0 has a total capacity of ...")


def cublas_full() -> None:
    raise RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`")


@pytest.mark.parametrize(
    ("full", "says"),
    [
        (gpu_full, "device has too little memory: free some of it, or take a smaller --batch-size, or --device cpu"),
        (cublas_full, "device has too little memory: free some of it, or take a smaller --batch-size, or --device cpu"),
        (cpu_full, "machine has too little memory: close other programs, or take a smaller --batch-size"),
        (cpu_full_for_numpy, "machine has too little memory: close other programs, or take a smaller --batch-size"),
    ],
)
def test_memory_that_runs_out(
    analyze: dict[str, str], monkeypatch: pytest.MonkeyPatch, full: Callable[[], None], says: str
) -> None:
    monkeypatch.setattr("hedonic_graph.pipeline.analyze.analyze", lambda *_, **__: full())
    arguments = [part for item in analyze.items() for part in item]
    assert complain("analyze", *arguments) == f"Error: the {says}; the command continues where it stopped"
    assert isinstance(
        CliRunner().invoke(main, ["--debug", "analyze", *arguments]).exception, RuntimeError | MemoryError
    )


@pytest.mark.parametrize(
    ("name", "ways"),
    [
        ("finetune", ["--device cpu", "--per-pass in a new folder", "; the command continues where it stopped"]),
        ("evaluate", ["--device cpu", "; the command continues where it stopped"]),
        ("table", ["free some of it"]),
    ],
)
def test_what_needs_less_memory_is_an_option_of_the_command(name: str, ways: list[str]) -> None:
    command = main.get_command(click.Context(main), name)
    assert command is not None
    said = advice(torch.OutOfMemoryError("CUDA out of memory"), command, name in CONTINUED)
    assert all(way in said for way in ways)
    assert "--batch-size" not in said
    assert ("--device" in said, "continues" in said) == (name != "table", name != "table")


def test_other_errors_are_not_of_memory() -> None:
    assert not ran_out(RuntimeError("expected scalar type Float but found Double"))
    assert not ran_out(ValueError("out of memory"))
