"""``bench compute``: what each kernel computes is what the package computes, and the figures are those measured."""

import json
import math
import random
import re
import subprocess
import sys
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse.csgraph import connected_components

from hedonic_graph.bench import compute, devices, draws
from hedonic_graph.bench.compute import FULL, QUICK, Plan, Report, surroundings
from hedonic_graph.bench.devices import Difference, differences, relative
from hedonic_graph.bench.draws import valuation
from hedonic_graph.bench.flows import masses
from hedonic_graph.bench.games import RESAMPLES
from hedonic_graph.bench.kernel import Task
from hedonic_graph.bench.kernels import KERNELS, Cost, measure
from hedonic_graph.bench.plain_game import by_player, choice_of, choices, components
from hedonic_graph.bench.plain_round import plain_round
from hedonic_graph.cli import main
from hedonic_graph.game.top_cover import TopCover

PLAN = Plan((64, 96), examples=8, width=16)
HERE = surroundings(torch.device("cpu"))


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["bench", "compute", *arguments])


def cost(n: int, seconds: float, kernel: str = "pas", **other: float | str) -> Cost:
    values = {"compared": seconds, "reference": None, "peak": 2_000_000_000, "inputs": 500_000_000}
    return Cost(**{"kernel": kernel, "n": n, "seconds": seconds, **values, **other})  # type: ignore[arg-type]


@pytest.mark.parametrize("kernel", KERNELS)
def test_every_kernel_runs_at_every_size_and_its_reference_too(kernel: str) -> None:
    small, large = measure(Task(kernel, PLAN.neurons, PLAN.examples, PLAN.width, "cpu", 0))
    assert (small.kernel, small.n, large.n) == (kernel, 64, 96)
    for one in (small, large):
        assert one.compared > 0 and (one.compared == one.seconds or kernel == "pac")
        assert one.peak >= one.inputs > 0
        assert (one.reference is not None) == (KERNELS[kernel].against is not None)
        assert one.reference is None or one.reference > 0
        assert (one.rounds is not None) == (kernel in ("exact", "pac", "neighbourhood"))
        assert (one.note is not None) == (kernel in ("consensus", "pac", "effect", "matching"))


def test_some_kernels_are_measured_at_three_sizes() -> None:
    assert FULL.sizes("pas") == (1024, 2048, 4096, 8192, 14336, 16384)
    assert FULL.sizes("effect") == (1024, 4096, 16384)
    assert QUICK.sizes("effect") == QUICK.neurons == (512, 1024, 2048)
    assert Plan((64,), 8, 16).sizes("effect") == (64,)


def test_a_consensus_is_all_its_resamples_and_the_reading() -> None:
    (found,) = measure(Task("consensus", (80,), 8, 16, "cpu", 0))
    said = re.fullmatch(r"20 x (\S+) s, one resample's, and (\S+) s to read them", found.note or "")
    assert said
    resample, reading = map(float, said.groups())
    assert found.seconds == pytest.approx(RESAMPLES * resample + reading, abs=0.11)


def test_peaks_are_of_their_size_alone() -> None:
    """What a size before held is forgotten: here a larger one, in a process of its own."""
    code = (
        "import json; from dataclasses import asdict; from hedonic_graph.bench.kernels import Task, measure; "
        "print(json.dumps([asdict(one) for one in measure(Task('oca', (4000, 64), 8, 16, 'cpu', 0))]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    large, small = json.loads(done.stdout)
    # phi, and the moments before it.
    assert large["peak"] - large["inputs"] > 4 * 4000**2
    assert large["inputs"] - small["inputs"] > 0.5 * 4 * 4000**2
    assert small["peak"] < large["inputs"]


def test_a_matching_is_held_against_scipys_total() -> None:
    (found,) = measure(Task("matching", (400,), 8, 16, "cpu", 0))
    assert found.note == "100 coalitions, equal totals"
    prepared = KERNELS["matching"].prepare(Task("matching", (400,), 8, 16, "cpu", 0), 400, torch.Generator())
    worse = prepared.ours()
    worse[3] = -1
    assert prepared.figure(worse).note == "100 coalitions, TOTALS DIFFER"


def test_masses_are_heavy_tailed() -> None:
    found = masses(200, 0)
    assert (found > 0).all() and found.max() > 50 * found.mean()


@given(st.integers(1, 12).flatmap(lambda n: st.lists(st.sets(st.integers(0, n - 1)), min_size=n, max_size=n)))
def test_plain_components_are_those_of_scipy(edges: list[set[int]]) -> None:
    graph = np.array([[j in out for j in range(len(edges))] for out in edges])
    _, labels = connected_components(graph, connection="strong")
    expected = {frozenset(np.flatnonzero(labels == one).tolist()) for one in set(labels.tolist())}
    found = components(dict(enumerate(edges)))
    assert set(found) == expected and len(found) == len(expected)


def test_the_plain_round_says_what_it_counts() -> None:
    found = plain_round(valuation(60, torch.Generator().manual_seed(0)), 0)
    careful, worded = f"{found.note}".split(";")
    parts = [
        float(part.split()[-2])
        for part in careful.replace(" s drawing", " s")
        .replace(" s choosing", " s")
        .replace(" s components", " s")
        .split(",")
    ]
    assert sum(parts) == pytest.approx(found.seconds, abs=0.16)
    assert re.fullmatch(r" as worded \d+\.\d s", worded)


def test_the_valuation_of_pas_is_that_of_its_inputs() -> None:
    prepared = KERNELS["pas"].prepare(Task("pas", (64,), 8, 16, "cpu", 0), 64, torch.Generator().manual_seed(0))
    phi = prepared.ours()
    assert phi.shape == (64, 64) and bool(torch.isfinite(phi).all()) and float(phi.abs().sum()) > 0
    assert torch.equal(phi, phi.T)


def test_the_valuation_is_symmetric_across_blocks_and_heavy_tailed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(draws, "BLOCK", 100)
    phi = valuation(350, torch.Generator().manual_seed(0))
    assert torch.equal(phi, phi.T) and not phi.diagonal().any()
    assert float(phi.abs().max() / phi.std()) > 15


def test_the_game_that_is_timed_is_played_to_its_end() -> None:
    prepared = KERNELS["pac"].prepare(Task("pac", (80,), 8, 16, "cpu", 0), 80, torch.Generator().manual_seed(0))
    solved = prepared.ours()
    assert isinstance(solved, TopCover)
    assert int(solved.rounds["emitted_neurons"].sum()) == 80


def test_the_plain_index_holds_who_is_in_what() -> None:
    phi = valuation(40, torch.Generator().manual_seed(1)).tolist()
    draw = random.Random(0)
    taken = [sorted(draw.sample(range(40), draw.randint(2, 10))) for _ in range(60)]
    held = by_player(taken)
    assert {i: held.get(i, []) for i in range(40)} == {i: [t for t in taken if i in t] for i in range(40)}
    # A player chooses by its own row alone.
    everybody = choices(phi, range(40), taken, 3, "mean")
    for i in (3, 17):
        assert choice_of({i: phi[i]}, i, held[i], 3, "mean") == everybody[i]


def test_growth_is_fitted_over_all_sizes() -> None:
    sizes = (100, 200, 400, 800)
    found = Report(HERE, Plan(sizes, 8, 16), [*(cost(n, (n / 400) ** 2) for n in sizes), cost(100, 1.0, "oca")], [])
    assert found.growth("pas") == pytest.approx(2)
    assert found.growth("oca") is None and found.growth("pac") is None
    assert "over all sizes measured: pas 2.00." in found.text()
    # Log seconds lie at 0, 0, 0 and 3 log 2: the slope is 3 * 1.5 / 5.
    slow = Report(HERE, Plan(sizes, 8, 16), [cost(n, 8.0 if n == 800 else 1.0) for n in sizes], [])
    assert slow.growth("pas") == pytest.approx(0.9)


def test_the_table_holds_what_the_record_does() -> None:
    costs = [cost(64, 1.5, reference=1.25), cost(64, 9.0, "pac", compared=0.5, reference=100.0, rounds=7, note="first")]
    found = Report(HERE, Plan((64,), 1024, 16), costs, [])
    assert f"on cpu, {torch.get_num_threads()} threads: 1,024 examples, width 16" in found.text()
    cells = [line.split() for line in found.text().splitlines()]
    assert ["pas", "64", "1.5", "matrix", "products", "1.2", "2.00", "0.500"] in cells
    assert ["pac", "64", "9", "7", "plain", "Python", "0.005", "2.00", "0.500", "first"] in cells
    assert "Exponents" not in found.text()
    assert [one["ratio"] for one in json.loads(json.dumps(found.record()))["costs"]] == [1.2, 0.005]


def test_the_command_measures_each_kernel_at_each_size(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(compute, "QUICK", PLAN)
    monkeypatch.setattr(compute, "KERNELS", {name: KERNELS[name] for name in ("oca", "pac")})
    file = tmp_path / "measured.json"
    result = run("--quick", "--neurons", "64,80", "--seed", "3", "--json", str(file))
    assert result.exit_code == 0, result.output
    found = json.loads(file.read_text())
    assert [(one["kernel"], one["n"]) for one in found["costs"]] == [
        (name, n) for name in ("oca", "pac") for n in (64, 80)
    ]
    assert found["plan"] == {"neurons": [64, 80], "examples": 8, "width": 16, "device": "cpu", "seed": 3}
    assert set(found["growth"]) == {"oca", "pac"}
    assert found["differences"] == [] and found["within"]
    assert found["machine"]["processor"] in result.stdout


def test_how_far_two_valuations_are_from_each_other() -> None:
    phi = torch.tensor([[0.0, -4.0], [2.0, 0.0]])
    assert relative(phi.clone(), phi) == 0
    assert relative(phi + torch.tensor([[0.0, 0.0], [0.5, -1.0]]), phi) == 0.25
    for wrong in (math.nan, math.inf):
        assert relative(torch.tensor([[0.0, wrong], [2.0, 0.0]]), phi) == math.inf
        assert relative(phi, torch.tensor([[0.0, wrong], [2.0, 0.0]])) == math.inf
    nothing = torch.zeros(2, 2)
    assert relative(nothing, nothing) == 0 and relative(phi, nothing) == math.inf
    with pytest.raises(ValueError, match=r"\(2, 2\) cannot be compared with \(3, 3\)"):
        relative(nothing, torch.zeros(3, 3))


def test_a_device_is_told_by_what_it_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    task = Task("", (64, 80), 8, 16, "cpu", 0)
    found = differences(task)
    assert [(one.what, one.largest, one.within) for one in found] == [
        ("oca", 0.0, True), ("pas", 0.0, True), ("exact", 0.0, True)
    ]  # fmt: skip
    calls = []

    def bent(*given: object) -> torch.Tensor:
        # The second call is that of the device.
        calls.append(given)
        phi = pas(*given)  # type: ignore[arg-type]
        phi[3, 5] += 0.01 * phi.abs().max() * (len(calls) > 1)
        return phi

    pas = devices.pas
    monkeypatch.setattr(devices, "pas", bent)
    _, far, _ = differences(task)
    assert far.largest == pytest.approx(0.01, rel=1e-3) and not far.within


@pytest.mark.parametrize(("largest", "code"), [(1e-6, 0), (2e-4, 1), (math.inf, 1)])
def test_too_far_from_the_cpu_is_a_failure(largest: float, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compute, "device_of", torch.device)
    asked = []

    class Worker(nullcontext):
        def __init__(self, module: str) -> None:
            super().__init__(self)
            self.module = module

        def ask(self, question: str) -> dict[str, object]:
            asked.append(json.loads(question)["device"])
            one = Difference("pas", largest, 1e-4)
            return {"differences": [asdict(one)]} if self.module.endswith("devices") else {"costs": []}

    monkeypatch.setattr(compute, "Worker", Worker)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"card of {device}")
    result = run("--quick", "--device", "cuda")
    assert result.exit_code == code, result.output
    assert (
        f"pas on cuda is {largest:.1e} from the CPU's, of 1e-04 allowed{': TOO FAR' if code else ''}" in result.stdout
    )
    assert "on cuda (card of cuda), " in result.stdout
    assert set(asked) == {"cuda"}


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
    monkeypatch.setattr(compute, "Worker", lambda *_: pytest.fail("measured"))
    result = run(*arguments)
    assert result.exit_code == 2
    assert says in result.stderr.splitlines()[-1]
