"""phi kept in half precision: half the file, everything after it from what was kept, and said."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from hedonic_graph.config import Config
from hedonic_graph.game.top_cover import exact_top_cover
from hedonic_graph.pipeline.analyze import analyze
from hedonic_graph.results import open_results
from hedonic_graph.summary import verdicts
from hedonic_graph.valuation.storage import HALF_ERROR, read_phi


def test_half_precision_through_the_whole_road(config: Config, whole: Path, tmp_path: Path) -> None:
    half = replace(config, phi_precision="float16", solver=("exact",), valuation=("pas",), positions="scored")
    analyze(half, tmp_path / "half")
    results, full = open_results(tmp_path / "half"), open_results(whole)
    cpu = torch.device("cpu")
    for layer in half.layers:
        name = f"phi.pas/L{layer:02d}"
        kept, exact = (read_phi(one.analysis.file(name, ".safetensors"), cpu) for one in (results, full))
        assert torch.allclose(kept, exact, rtol=HALF_ERROR, atol=1e-9 * float(exact.abs().max()))
        assert not torch.equal(kept, exact)
        members = results.members(results.runs[0], layer).sort_values("neuron")
        again = exact_top_cover(kept, k=half.k).partition.labels
        assert np.array_equal(members["coalition"], again)
        preferred = results.preferences("pas", layer)
        assert np.array_equal(preferred["phi"], kept[preferred["neuron"], preferred["other"]])
    assert any("pas: phi is kept in half precision, each value within 0.049%" in line for line in verdicts(results))
    assert not any("half precision" in line for line in verdicts(full))
