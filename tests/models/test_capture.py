"""Capture against the hidden states and modules of the whole model."""

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoTokenizer

from hedonic_graph.errors import UserError
from hedonic_graph.models.capture import CaptureState, batches, capture, last_token, new_state
from hedonic_graph.models.load import LoadedModel, load_model
from hedonic_graph.models.locate import locate_adapter, locate_model
from hedonic_graph.models.moments import Moments
from hedonic_graph.text.pairs import load_pairs

LAYERS = (1, 2)


@pytest.fixture(scope="module")
def model(tiny_base: Path, tiny_adapter: Path) -> LoadedModel:
    return load_model(
        locate_model(str(tiny_base)), locate_adapter(str(tiny_adapter)), LAYERS, torch.device("cpu"), "base"
    )


@pytest.fixture(scope="module")
def prompts(tiny_text: Path) -> list[str]:
    return [pair.prompt for pair in load_pairs(tiny_text)]


def run(model: LoadedModel, prompts: list[str], *, batch_size: int = 5, side: str = "right", reference: str = "base"):
    model.tokenizer.padding_side = side
    batched = batches(model, prompts, batch_size=batch_size, max_tokens=64)
    state = new_state(model, LAYERS, len(prompts), all_tokens=True)
    return capture(model, batched, state, reference=reference)


def test_each_example_alone_through_the_whole_model(
    model: LoadedModel, prompts: list[str], tiny_base: Path, tiny_adapter: Path
) -> None:
    """Oracle: plain peft and transformers, one prompt at a time, no padding, all layers, own hooks."""
    from peft import PeftModel
    from transformers import AutoModelForSequenceClassification

    base = AutoModelForSequenceClassification.from_pretrained(tiny_base, num_labels=1)
    whole = PeftModel.from_pretrained(base, str(tiny_adapter)).base_model.model.eval()
    tokenizer = AutoTokenizer.from_pretrained(tiny_base)
    state = run(model, prompts)
    for layer in LAYERS:
        mlp = whole.model.layers[layer].mlp
        seen: dict[str, torch.Tensor] = {}
        hooks = [
            mlp.register_forward_pre_hook(lambda _, args, seen=seen: seen.update(h=args[0])),
            mlp.down_proj.register_forward_pre_hook(lambda _, args, seen=seen: seen.update(a=args[0])),
        ]
        all_activations = []
        for number, prompt in enumerate(prompts):
            with torch.no_grad():
                states = whole.model(**tokenizer(prompt, return_tensors="pt"), output_hidden_states=True)
                # The last of the hidden states is normed; the ones below are residual streams.
                y = states.hidden_states[layer + 1][0, -1]
                h, a = seen["h"][0], seen["a"][0]
                base_h = mlp.gate_proj.base_layer(h[-1]), mlp.up_proj.base_layer(h[-1])
            kept = state.layers[layer]
            torch.testing.assert_close(kept.y[number], y, rtol=1e-4, atol=1e-5)
            torch.testing.assert_close(kept.tuned[number], a[-1], rtol=1e-4, atol=1e-5)
            expected = torch.nn.functional.silu(base_h[0]) * base_h[1]
            torch.testing.assert_close(kept.base[number], expected, rtol=1e-4, atol=1e-5)
            all_activations.append(a)
        for hook in hooks:
            hook.remove()
        rows = torch.cat(all_activations).double().numpy()
        moments = state.layers[layer].moments
        assert moments is not None
        assert moments.count == len(rows)
        np.testing.assert_allclose(moments.mean, rows.mean(0), rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(moments.comoment / len(rows), np.cov(rows.T, bias=True), rtol=1e-3, atol=1e-5)


def test_padding_side_and_batch_size_do_not_matter(model: LoadedModel, prompts: list[str]) -> None:
    plain = run(model, prompts)
    for other in (run(model, prompts, side="left"), run(model, prompts, batch_size=24)):
        for layer in LAYERS:
            for name in ("y", "tuned", "base"):
                one, two = getattr(plain.layers[layer], name), getattr(other.layers[layer], name)
                torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-5)


def test_a_capture_continued_is_the_capture_undisturbed(model: LoadedModel, prompts: list[str]) -> None:
    class Stop(Exception):
        pass

    def stop(state: CaptureState) -> None:
        if state.done == 2:
            raise Stop

    model.tokenizer.padding_side = "right"
    batched = batches(model, prompts, batch_size=5, max_tokens=64)
    state = new_state(model, LAYERS, len(prompts), all_tokens=True)
    with pytest.raises(Stop):
        capture(model, batched, state, checkpoint=stop)
    capture(model, batched, state)
    whole = run(model, prompts)
    for layer in LAYERS:
        assert torch.equal(state.layers[layer].tuned, whole.layers[layer].tuned)
        assert torch.equal(state.layers[layer].moments.comoment, whole.layers[layer].moments.comoment)


def test_references(model: LoadedModel, prompts: list[str]) -> None:
    zero = run(model, prompts, reference="zero").layers[1]
    assert not zero.base.any()
    mean = run(model, prompts, reference="mean").layers[1]
    torch.testing.assert_close(mean.base, mean.tuned.mean(0).expand_as(mean.base))


def test_last_token_with_either_padding() -> None:
    mask = torch.tensor([[1, 1, 1, 0], [0, 0, 1, 1], [1, 1, 1, 1], [1, 0, 0, 0]])
    assert last_token(mask).tolist() == [2, 3, 3, 0]


def test_activations_that_are_not_finite(model: LoadedModel, prompts: list[str]) -> None:
    weight = model.backbone.embed_tokens.weight
    before = weight.detach().clone()
    try:
        weight.data.fill_(torch.nan)
        with pytest.raises(UserError, match="layer 1 gives values that are not finite"):
            run(model, prompts)
    finally:
        weight.data.copy_(before)


def test_moments_of_large_means_keep_their_digits() -> None:
    torch.manual_seed(0)
    rows = torch.randn(4000, 6) + 1000
    moments = Moments.empty(6)
    for chunk in rows.split(130):
        moments.add(chunk)
    np.testing.assert_allclose(moments.comoment / 4000, np.cov(rows.double().T.numpy(), bias=True), atol=2e-3)
    # The plain sum of squares loses them all: 1e6 in float32 has steps of 0.06.
    naive = (rows.T @ rows) / 4000 - torch.outer(rows.mean(0), rows.mean(0))
    assert (naive - torch.cov(rows.T, correction=0)).abs().max() > 1e-2


def test_dropout_of_the_adapter_is_at_rest(tmp_path: Path, tiny_base: Path, prompts: list[str]) -> None:
    from tiny import save_adapter

    files = locate_model(str(tiny_base)), locate_adapter(str(save_adapter(tiny_base, tmp_path / "d", lora_dropout=0.5)))
    model = load_model(*files, LAYERS, torch.device("cpu"), "base")
    assert not any(module.training for module in model.classifier.modules())
    assert torch.equal(run(model, prompts).layers[2].tuned, run(model, prompts).layers[2].tuned)
