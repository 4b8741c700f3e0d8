"""Every covered architecture, from files, against the whole model of plain peft and transformers in float64."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from models.loading import captured, error, identity_error, load, sentences
from oracle import StayDouble, Whole
from tiny import D_MODEL, KINDS, make_tokenizer, only_generates, save_adapter, save_kind

from hedonic_graph.errors import UserError
from hedonic_graph.models.architectures import ARCHITECTURES
from hedonic_graph.models.loaded import LoadedModel
from hedonic_graph.models.mlp import view

PROMPTS = sentences(8)
LAYERS = (1, 2)
READ = "token: yes - no"


@pytest.fixture(scope="module", params=KINDS)
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[LoadedModel, Whole]:
    base = save_kind(tmp_path_factory.mktemp("kind") / "base", request.param)
    causal = only_generates(request.param)
    adapter = save_adapter(base, base.parent / "lora", causal=causal)
    return load(base, adapter, LAYERS, readout=READ if causal else "score"), Whole(base, adapter, causal=causal)


def test_every_row_of_the_table_is_tested() -> None:
    assert {model_type for model_type, _ in KINDS.values()} == set(ARCHITECTURES)


def test_deltas_add_up_to_the_difference_of_tuned_and_base_mlp(pair: tuple[LoadedModel, Whole]) -> None:
    """The identity everything stands on, through the very modules."""
    for layer in LAYERS:
        assert identity_error(*pair, layer) < 2e-4


def test_capture_is_what_passes_the_whole_model(pair: tuple[LoadedModel, Whole]) -> None:
    model, whole = pair
    found = captured(model, PROMPTS, LAYERS, all_tokens=True)
    for layer in LAYERS:
        seen = whole.seen(layer, PROMPTS)
        kept = found[layer]
        assert error(kept.x, seen["x"]) < 1e-5
        assert error(kept.y, seen["y"]) < 1e-5
        assert error(kept.tuned, seen["a"]) < 1e-5
        block = model.block(layer)
        assert error(block.written(kept.tuned), seen["m"]) < 1e-5
        base = whole.mlp(whole.base, layer)
        below: list[torch.Tensor] = []
        hook = base.get_submodule(whole.row.down).register_forward_pre_hook(lambda _, args: below.append(args[0]))  # noqa: B023
        with torch.no_grad(), StayDouble():
            base(seen["h"])
        hook.remove()
        # Relative to what the adapter changed, which is all that a delta sees.
        assert float((kept.base - below[0]).norm() / (seen["a"] - below[0]).norm()) < 1e-3
        assert kept.moments is not None
        moments, other = kept.moments
        moments.merge(other)
        assert moments.count == len(seen["all"])
        assert error(moments.mean, seen["all"].mean(0)) < 1e-5
        expected = torch.cov(seen["all"].T, correction=0)
        assert error(moments.comoment / moments.count, expected) < 1e-4


def test_readout_is_the_models_own_head_behind_its_final_norm(pair: tuple[LoadedModel, Whole]) -> None:
    model, whole = pair
    y = torch.randn(6, D_MODEL).double() * 3
    norm = whole.tuned.get_submodule(f"{whole.row.backbone}.{whole.row.final_norm}")
    with torch.no_grad(), StayDouble():
        if model.tokens is None:
            expected = whole.tuned.score(norm(y))[:, 0]
        else:
            plus, minus = make_tokenizer().convert_tokens_to_ids(["yes", "no"])
            logits = whole.tuned.lm_head(norm(y))
            expected = logits[:, plus] - logits[:, minus]
    assert error(model.readout(y), expected) < 1e-6


def test_folded_projections_read_and_write_the_residual_stream(pair: tuple[LoadedModel, Whole]) -> None:
    """For lineage: a step of the stream, through the modules, against the folded matrices (DESIGN §3.6)."""
    model, whole = pair
    block = model.block(1)
    layer, mlp = whole.layer(whole.tuned, 1), whole.mlp(whole.tuned, 1)
    x = torch.randn(1, D_MODEL).double()
    before, behind = whole.norms(1, PROMPTS[0])
    norms: list[Any] = [getattr(layer, name) for name in before]
    assert len(norms) == (block.pre_norm is not None)
    assert behind == ({whole.row.post_norm} if whole.row.post_norm else set())
    with torch.no_grad(), StayDouble():
        # Of a norm only the length that it divides by depends on the stream: norms of scaled inputs take it out.
        lengths = [norm(1e6 * x) - norm(-1e6 * x) for norm in norms]
        read = mlp.get_submodule(whole.row.up)
        up = read(lengths[0]) - read(0 * x) if norms else read(2 * x) - read(0 * x)
    folded_up, folded_gate = block.reads()
    folded = torch.cat([folded_gate, folded_up]) if whole.row.gate == whole.row.up else folded_up
    ours = x @ folded.double().T
    assert float(torch.cosine_similarity(ours, up)) > 1 - 1e-6
    assert (folded_gate is None) == (whole.row.gate is None)
    if whole.row.post_norm is None:
        assert torch.equal(block.writes(), block.tuned.down)
        return
    m = block.tuned.down[:, 3].double()[None]
    with torch.no_grad(), StayDouble():
        written = getattr(layer, whole.row.post_norm)(m)
    assert float(torch.cosine_similarity(block.writes()[:, 3].double()[None], written)) > 1 - 1e-6


def test_a_row_that_does_not_fit_the_modules_is_refused(pair: tuple[LoadedModel, Whole]) -> None:
    model, row = pair[0], pair[0].architecture
    layer = model.layer(1)
    says = "computes something else than this package knows of it"
    view(layer, 1, row, base=None, step=None)
    gains = replace(row, one_plus_gain=not row.one_plus_gain)
    with pytest.raises(UserError, match=says):
        replace(model, architecture=gains).readout.weight  # noqa: B018
    if row.pre_norm or row.post_norm:
        with pytest.raises(UserError, match=says):
            view(layer, 1, gains, base=None, step=None)
    if row.gate not in (None, row.up):
        with pytest.raises(UserError, match=says):
            view(layer, 1, replace(row, gate=row.up, up=row.gate), base=None, step=None)
    with pytest.raises(UserError, match="layer 1 has none of the norms nosuch in front of its MLP"):
        view(layer, 1, replace(row, pre_norm=("nosuch",)), base=None, step=None)
