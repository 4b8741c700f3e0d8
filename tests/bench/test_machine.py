"""What a measurement says of the machine."""

import subprocess
import sys

import pytest

from hedonic_graph.bench import machine

GROW = """
import numpy as np
from hedonic_graph.bench.machine import peak
before = peak()
held = np.ones(8_000_000)
grown = peak()
del held
print(before, grown, peak())
"""


def test_the_peak_grows_with_what_is_held_and_stays() -> None:
    # In a process of its own: this one may have held more before.
    found = subprocess.run([sys.executable, "-c", GROW], capture_output=True, text=True, check=True).stdout
    before, grown, after = map(int, found.split())
    assert 5e6 < before < 500e6
    assert grown - before == pytest.approx(64e6, rel=0.2)
    assert after == pytest.approx(grown, rel=0.01)


def test_the_drivers_compiled_part_is_told_from_the_plain_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "neo4j._rust", None)
    assert machine.fast_driver() is None


def test_the_machine_is_named() -> None:
    found = machine.machine()
    assert found["cores"] >= 1
    assert found["memory_gb"] > 0.1
    assert found["libraries"]["neo4j"]
