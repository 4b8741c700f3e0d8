"""``bench compute``: what each kernel computes is what the package computes, and the figures are those measured."""

import json
import random
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner, Result

from hedonic_graph.bench import compute, kernels
from hedonic_graph.bench.compute import Plan, Report
from hedonic_graph.bench.kernels import AGAINST, KERNELS, Cost, Task, drawn_valuation, measure
from hedonic_graph.bench.machine import machine
from hedonic_graph.bench.plain_game import by_player, choice_of, choices
from hedonic_graph.cli import main
from hedonic_graph.game.top_cover import TopCover

PLAN = Plan((64, 96), examples=8, width=16)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["bench", "compute", *arguments])


def cost(n: int, seconds: float, kernel: str = "pas", **other: float) -> Cost:
    values = {"compared": seconds, "reference": None, "peak": 2_000_000_000, "inputs": 500_000_000}
    return Cost(**{"kernel": kernel, "n": n, "seconds": seconds, **values, **other})  # type: ignore[arg-type]


@pytest.mark.parametrize("kernel", KERNELS)
def test_every_kernel_runs_at_every_size_and_its_reference_too(kernel: str) -> None:
    small, large = measure(Task(kernel, PLAN.neurons, PLAN.examples, PLAN.width, "cpu", 0))
    assert (small.kernel, small.n, large.n) == (kernel, 64, 96)
    for one in (small, large):
        assert one.compared > 0 and (one.compared == one.seconds or kernel == "pac")
        assert one.peak >= one.inputs > 0
        assert (one.reference is not None) == (AGAINST[kernel] is not None)
        assert one.reference is None or one.reference > 0
        assert (one.rounds is not None) == (kernel in ("exact", "pac"))


def test_every_kernel_stands_in_both_tables() -> None:
    assert list(KERNELS) == list(AGAINST)


def test_the_valuation_of_pas_is_that_of_its_inputs() -> None:
    prepared = KERNELS["pas"](Task("pas", (64,), 8, 16, "cpu", 0), 64, torch.Generator().manual_seed(0))
    phi = prepared.ours()
    assert phi.shape == (64, 64) and bool(torch.isfinite(phi).all()) and float(phi.abs().sum()) > 0
    assert torch.equal(phi, phi.T)


def test_the_drawn_valuation_is_symmetric_across_blocks_and_heavy_tailed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "BLOCK", 100)
    phi = drawn_valuation(350, torch.Generator().manual_seed(0))
    assert torch.equal(phi, phi.T) and not phi.diagonal().any()
    assert float(phi.abs().max() / phi.std()) > 15


def test_the_game_that_is_timed_is_played_to_its_end() -> None:
    prepared = KERNELS["pac"](Task("pac", (80,), 8, 16, "cpu", 0), 80, torch.Generator().manual_seed(0))
    solved = prepared.ours()
    assert isinstance(solved, TopCover)
    assert int(solved.rounds["emitted_neurons"].sum()) == 80


def test_the_plain_round_is_asked_for_some_players_of_all() -> None:
    # The players it is timed on choose as they would among all.
    phi = drawn_valuation(40, torch.Generator().manual_seed(1)).tolist()
    draw = random.Random(0)
    taken = [sorted(draw.sample(range(40), draw.randint(2, 10))) for _ in range(60)]
    everybody = choices(phi, range(40), taken, 3, "mean")
    held = by_player(taken)
    assert {i: held.get(i, []) for i in range(40)} == {i: [t for t in taken if i in t] for i in range(40)}
    for i in (3, 17):
        assert choice_of({i: phi[i]}, i, held[i], 3, "mean") == everybody[i]


def test_growth_is_fitted_over_the_upper_half() -> None:
    sizes = (100, 200, 400, 800)
    costs = [cost(n, 9.0 if n == 100 else (n / 400) ** 2) for n in sizes]
    found = Report(machine(), Plan(sizes, 8, 16), [*costs, cost(100, 1.0, "oca")])
    assert found.growth("pas") == pytest.approx(2)
    assert found.growth("oca") is None and found.growth("pac") is None
    assert "upper half of the sizes: pas 2.00." in found.text()


def test_the_table_holds_what_the_record_does() -> None:
    costs = [cost(64, 1.5, reference=1.25), cost(64, 9.0, "pac", compared=0.5, reference=100.0, rounds=7)]
    found = Report(machine(), Plan((64,), 1024, 16), costs)
    cells = [line.split() for line in found.text().splitlines()]
    assert ["pas", "64", "1.50", "matrix", "products", "1.2", "2.00", "0.500"] in cells
    assert ["pac", "64", "9.00", "7", "plain", "Python", "0.005", "2.00", "0.500"] in cells
    assert "on cpu: 1,024 examples, width 16" in found.text()
    assert "Exponents" not in found.text()
    assert [one["ratio"] for one in json.loads(json.dumps(found.record()))["costs"]] == [1.2, 0.005]


def test_the_command_measures_in_processes_of_their_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(compute, "QUICK", PLAN)
    monkeypatch.setattr(compute, "AGAINST", {name: AGAINST[name] for name in ("oca", "pac")})
    file = tmp_path / "measured.json"
    result = run("--quick", "--neurons", "64,80", "--seed", "3", "--json", str(file))
    assert result.exit_code == 0, result.output
    found = json.loads(file.read_text())
    assert [(one["kernel"], one["n"]) for one in found["costs"]] == [
        (name, n) for name in ("oca", "pac") for n in (64, 80)
    ]
    assert found["plan"] == {"neurons": [64, 80], "examples": 8, "width": 16, "device": "cpu", "seed": 3}
    assert set(found["growth"]) == {"oca", "pac"}
    assert found["machine"]["processor"] in result.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--neurons", "64,x"], "'64,x' is no list of numbers such as 1024,2048"),
        (["--neurons", "80,64"], "name each number of neurons once, the smallest first and none below 64"),
        (["--neurons", "64,64"], "name each number of neurons once"),
        (["--neurons", "63"], "none below 64"),
        (["--device", "tpu9"], "device 'tpu9' cannot be used"),
        (["--json", "no/where"], "there is no folder no"),
        (["--examples", "1"], "not in the range"),
    ],
)
def test_mistakes_are_said_before_anything_is_measured(
    arguments: list[str], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compute, "ask", lambda *_: pytest.fail("measured"))
    result = run(*arguments)
    assert result.exit_code == 2
    assert says in result.stderr.splitlines()[-1]
