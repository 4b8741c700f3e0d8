"""Analyses of generative, of whole tuned and of other models, from the configuration to the manifest."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from safetensors.numpy import load_file
from tiny import save_adapter, save_kind, save_tuned

from hedonic_graph.cli import main
from hedonic_graph.config import Config
from hedonic_graph.pipeline.analyze import analyze
from hedonic_graph.results import open_results
from hedonic_graph.summary import model_lines, model_table, verdicts
from hedonic_graph.text.pairs import load_pairs


@pytest.fixture
def small(config: Config) -> Config:
    """One valuation and solver of the shared configuration."""
    return replace(config, valuation=("pas",), solver=("exact",), seed=(0,), layers=(1, 2))


def test_a_generative_model_is_read_by_two_tokens(small: Config, tiny_base: Path, tmp_path: Path) -> None:
    adapter = save_adapter(tiny_base, tmp_path / "lora", causal=True)
    asked = replace(
        small, adapter=str(adapter), readout="token: yes - no", prompt="passage : {passage} query : {query} is"
    )
    analyze(asked, tmp_path / "tokens")
    results = open_results(tmp_path / "tokens")
    (run,) = results.runs
    assert run.parameters["readout"] == "token: yes - no"
    assert run.parameters["prompt"] == asked.prompt
    assert run.honesty["second_order_correlation"] > 0.9
    # Other tokens are another question to the same capture.
    before = load_file(tmp_path / "tokens/phi.pas/L02.safetensors")["phi"]
    done = analyze(replace(asked, readout="token: no - graph"), tmp_path / "tokens")
    assert done
    assert not any(unit.startswith("capture") for unit in done)
    after = load_file(tmp_path / "tokens/phi.pas/L02.safetensors")["phi"]
    assert not np.allclose(before, after)
    # Tokens the other way round change the sign of every pair.
    analyze(replace(asked, readout="token: graph - no"), tmp_path / "tokens")
    turned = load_file(tmp_path / "tokens/phi.pas/L02.safetensors")["phi"]
    np.testing.assert_allclose(turned, -after, rtol=1e-3, atol=1e-5 * np.abs(after).max())


def test_a_whole_tuned_model_and_its_card(small: Config, tiny_base: Path, tmp_path: Path) -> None:
    tuned = save_tuned(tiny_base, tmp_path / "tuned", scale=0.003)
    analyze(replace(small, adapter=None, tuned=str(tuned)), tmp_path / "full")
    results = open_results(tmp_path / "full")
    model = results.analysis.manifest["model"]
    assert (model["name"], model["adapter"], model["tuned"]) == ("tiny", None, "tuned")
    assert model["id"].startswith("tiny+tuned@")
    assert model_lines(results)[1].startswith(
        "tuned as a whole into tuned: layers 1-2 compared; beside the layers: score (new), model.norm (0."
    )
    assert model_lines(results)[1].endswith(" %); other layers and tokens' embeddings are not")
    columns, cells = model_table(results)
    assert columns[0] == "layer"
    assert "mlp.up_proj" in columns
    assert [row[0] for row in cells] == ["1", "2"]
    assert all(0.5 < float(row[columns.index("mlp.up_proj")]) < 3 for row in cells)


def test_the_card_is_in_the_summary_and_read_once(small: Config, tmp_path: Path) -> None:
    folder = tmp_path / "card"
    said: list[str] = []
    analyze(small, folder, report=said.append)
    assert "reading tiny+tiny-lora" in said
    lines = model_lines(open_results(folder))
    assert lines[0] == "tiny: llama, 4 layers of 40 neurons (gated SiLUActivation), width 24, RMSNorm"
    assert lines[1] == (
        "LoRA tiny-lora: rank 3, alpha 5, on mlp.down_proj, mlp.gate_proj, mlp.up_proj of layers 0-3 (3 not read); "
        "beside the layers: score (new)"
    )
    settings = tmp_path / "again.toml"
    names = ("model", "adapter", "text", "task")
    options = {name: getattr(small, name) for name in names} | {"layers": "1-2", "solver": ["exact"], "batch_size": 5}
    options |= {"certificate_samples": 500, "samples": 400, "seed": [0]}
    settings.write_text("\n".join(f"{name} = {json.dumps(value)}" for name, value in options.items()))
    command = ["analyze", "--config", str(settings), "-o", str(folder)]
    shown = CliRunner().invoke(main, command)
    assert "up to date" in shown.output
    assert "reading" not in shown.output
    for line in lines:
        assert line in shown.output
    assert "in per cent of the base's norm" in shown.output
    record = json.loads(CliRunner().invoke(main, [*command, "--json"]).stdout)
    assert record["model"]["card"]["tuning"]["changes"]["1"]["mlp.up_proj.weight"]["rank"] == 3


@pytest.mark.parametrize(("reference", "says"), [("zero", "from the activations to zero"), ("mean", "to their mean")])
def test_steps_too_large_are_called_what_they_are(reference: str, says: str, small: Config, tmp_path: Path) -> None:
    asked = replace(small, adapter=None, reference=reference, readout="token: yes - no", layers=(1,))
    analyze(asked, tmp_path / "untuned")
    results = open_results(tmp_path / "untuned")
    assert results.runs[0].honesty["second_order_correlation"] < 0.99
    (line,) = [line for line in verdicts(results) if line.startswith("pas: its")]
    assert line.endswith(f"{says} are too large for the second order there")
    assert "adapter" not in line


def test_prompts_that_lose_their_end_are_counted(small: Config, tmp_path: Path) -> None:
    analyze(replace(small, max_tokens=14), tmp_path / "cut")
    results = open_results(tmp_path / "cut")
    kept = results.analysis.manifest["prompts"]
    # Each word is a token; so are "query", "passage", two colons and a comma.
    tokens = [len(f"{pair.query} {pair.passage}".split()) + 5 for pair in load_pairs(Path(small.text))]
    cut = sum(one > 14 for one in tokens)
    assert 0 < cut < 24
    assert {name: kept[name] for name in ("count", "longest", "max_tokens", "cut")} == {
        "count": 24, "longest": max(tokens), "max_tokens": 14, "cut": cut
    }  # fmt: skip
    said = f"{cut} of 24 prompts were cut at 14 tokens (the longest has {max(tokens)}): their last token stands in"
    assert verdicts(results)[0].startswith(said)
    analyze(small, tmp_path / "cut")
    assert not any("cut at" in line for line in verdicts(open_results(tmp_path / "cut")))


@pytest.mark.parametrize("kind", ["gemma2", "gpt_neox", "gpt2", "phi3"])
def test_other_architectures_go_all_the_way(kind: str, small: Config, tmp_path: Path) -> None:
    base = save_kind(tmp_path / "base", kind)
    adapter = save_adapter(base, tmp_path / "lora")
    asked = replace(small, model=str(base), adapter=str(adapter), valuation=("pas", "oca"))
    analyze(asked, tmp_path / kind)
    results = open_results(tmp_path / kind, check=True)
    assert results.model.architecture == kind
    assert results.model.d_ff == 40
    for run in results.runs:
        assert results.coalitions(run, 2)["size"].sum() == 40
        assert np.isfinite(results.edges(run, 1, 20)["mass"]).all()


def test_a_norm_behind_the_mlp_bends_the_logit_without_the_final_one(small: Config, tmp_path: Path) -> None:
    base = save_kind(tmp_path / "base", "gemma2")
    adapter = save_adapter(base, tmp_path / "lora", scale=0.01)
    analyze(replace(small, model=str(base), adapter=str(adapter), readout_norm="off"), tmp_path / "off")
    assert open_results(tmp_path / "off").runs[0].honesty["second_order_correlation"] > 0.9
