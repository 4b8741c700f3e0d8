"""PAS of every covered architecture, and of every readout, against autograd and brute-force ablation in float64.

Both oracles run the whole model's own modules, cut above the layer.
"""

from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from models.loading import captured, load, sentences
from oracle import Ablation, StayDouble, Whole
from tiny import KINDS, WORDS, make_tokenizer, only_generates, save_adapter, save_kind, save_tuned
from torch import Tensor
from valuation.hessian import hessian_form

from hedonic_graph.models.loaded import LoadedModel
from hedonic_graph.valuation.exact import synergy
from hedonic_graph.valuation.pas import pas

LAYER, D_FF = 1, 14
PROMPTS = sentences(5, words=5)
READ = "token: yes - no"
PAIRS = list(combinations(range(D_FF), 2))

CASES: dict[str, tuple[str, dict[str, Any], str]] = {kind: (kind, {}, "score") for kind in KINDS} | {
    "llama, tokens": ("llama", {}, READ),
    "gpt2, tied tokens": ("gpt2", {"tie_word_embeddings": True}, READ),
    "phi, tokens with a bias": ("phi", {}, READ),
    "gemma2, capped tokens": ("gemma2", {"final_logit_softcapping": 2.0}, READ),
    "gpt_neox, tokens": ("gpt_neox", {}, READ),
}


@pytest.fixture(scope="module", params=CASES)
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[LoadedModel, Ablation]:
    kind, options, readout = CASES[request.param]
    base = save_kind(tmp_path_factory.mktemp("kind") / "base", kind, d_ff=D_FF, **options)
    causal = readout != "score" or only_generates(kind)
    adapter = save_adapter(base, base.parent / "lora", scale=0.004, causal=causal)
    model = load(base, adapter, (LAYER,), readout=READ if causal else readout)
    return model, ablation(Whole(base, adapter, causal=causal), causal=causal)


def ablation(whole: Whole, *, causal: bool = False, instead: Tensor | None = None) -> Ablation:
    ids = make_tokenizer().convert_tokens_to_ids(["yes", "no"])
    assert "yes" in WORDS
    return Ablation(whole, LAYER, PROMPTS, (ids[0], ids[1]) if causal else None, instead)


def hold(model: LoadedModel, oracle: Ablation, *, small: bool = True) -> None:
    """PAS against autograd, exact ablation against brute force and, for ``small`` deltas, the one against the other."""
    kept = captured(model, PROMPTS, (LAYER,))[LAYER]
    block = model.block(LAYER)
    phi = pas(block, model.readout, kept.y, kept.tuned, kept.base, block_size=5)
    form = oracle_form(model, oracle, kept.tuned.double(), kept.base.double())
    assert (phi - form).abs().max() < 2e-4 * form.abs().max()
    # Weights change, and the whole modules run.
    alone = [oracle.logit(neuron) for neuron in range(D_FF)]
    whole = oracle.logit()
    brute = np.array([float((whole - alone[i] - alone[j] + oracle.logit(i, j)).mean()) for i, j in PAIRS])
    ours = synergy(block, model.readout, kept.y, kept.tuned, kept.base, torch.tensor(PAIRS))
    np.testing.assert_allclose(ours, brute, atol=1e-3 * np.abs(brute).max())
    if not small:
        return
    closed = phi.numpy()[tuple(np.array(PAIRS).T)]
    assert np.corrcoef(closed, brute)[0, 1] > 0.999
    # What is left is of third order in the deltas.
    assert np.abs(closed - brute).max() < 0.1 * np.abs(brute).max()


def oracle_form(model: LoadedModel, oracle: Ablation, tuned: Tensor, base: Tensor) -> Tensor:
    """The Hessian form by the MLP's output, of the logit that the cut model gives when that output is put in."""
    deltas = model.block(LAYER).deltas(tuned, base, torch.arange(D_FF))
    outputs: list[Tensor] = []
    hook = oracle.mlp.register_forward_hook(lambda _, __, out: outputs.append(out.clone()))
    oracle.logit()
    hook.remove()
    written = outputs[0]

    def function(example: int, z: Tensor) -> Tensor:
        def put(_: Any, __: Any, out: Tensor) -> Tensor:
            return torch.cat([out[0, :-1], z[None]])[None]

        hook = oracle.mlp.register_forward_hook(put)
        with StayDouble():
            logits = oracle.model(**{name: value[example : example + 1] for name, value in oracle.given.items()}).logits
        hook.remove()
        if oracle.tokens is None:
            return logits[0, 0]
        return logits[0, -1, oracle.tokens[0]] - logits[0, -1, oracle.tokens[1]]

    return hessian_form(function, written[:, -1], deltas)


def test_closed_form_and_ablation(pair: tuple[LoadedModel, Ablation]) -> None:
    hold(*pair)


@pytest.mark.parametrize("kind", ["llama with biases", "gemma2", "gpt_neox", "gpt2"])
def test_a_whole_tuned_model(kind: str, tmp_path: Path) -> None:
    """Every parameter differs from the base: steps of full rank, tuned biases and norms."""
    base = save_kind(tmp_path / "base", kind, d_ff=D_FF)
    tuned = save_tuned(base, tmp_path / "tuned", scale=0.003)
    hold(load(base, layers=(LAYER,), tuned=tuned), ablation(Whole(base, tuned=tuned)))


def test_dora(tmp_path: Path) -> None:
    base = save_kind(tmp_path / "base", "llama", d_ff=D_FF)
    adapter = save_adapter(base, tmp_path / "dora", scale=0.01, use_dora=True)
    hold(load(base, adapter, (LAYER,)), ablation(Whole(base, adapter)))


@pytest.mark.parametrize("kind", ["llama", "gemma2", "gpt_neox", "gpt2"])
@pytest.mark.parametrize("reference", ["zero", "mean"])
def test_a_model_that_nothing_tuned(kind: str, reference: str, tmp_path: Path) -> None:
    """Hooks on the down projection give an ablated neuron no activation, or its mean over the examples."""
    base = save_kind(tmp_path / "base", kind, d_ff=D_FF)
    whole = Whole(base, causal=True)
    mean = whole.seen(LAYER, PROMPTS)["a"].mean(0)
    oracle = ablation(whole, causal=True, instead=mean if reference == "mean" else torch.zeros_like(mean))
    hold(load(base, None, (LAYER,), reference, readout=READ), oracle, small=False)
