"""Capture: padding, interruption, and what it keeps; test_architectures.py holds it to whole models."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from models.loading import captured, load
from safetensors.torch import load_file, save_file
from tiny import make_tokenizer, save_adapter, save_base, save_kind

from hedonic_graph.errors import UserError
from hedonic_graph.models import walk
from hedonic_graph.models.capture import LayerCapture, batches, capture, last_token
from hedonic_graph.models.examples import halves
from hedonic_graph.models.loaded import LoadedModel
from hedonic_graph.models.moments import Moments
from hedonic_graph.models.prompts import tokenise
from hedonic_graph.models.walk import Batch, Step
from hedonic_graph.text.pairs import load_pairs

LAYERS = (1, 2)
READ = "token: yes - no"


@pytest.fixture(scope="module")
def model(tiny_base: Path, tiny_adapter: Path) -> LoadedModel:
    return load(tiny_base, tiny_adapter)


@pytest.fixture(scope="module")
def prompts(tiny_text: Path) -> list[str]:
    return [pair.prompt for pair in load_pairs(tiny_text)]


@pytest.mark.parametrize("kind", ["llama", "gpt2", "falcon with one norm"])
def test_padding_side_and_batch_size_do_not_matter(kind: str, prompts: list[str], tmp_path: Path) -> None:
    """Positions may turn queries and keys, be added to the embedding, or weigh attention."""
    base = save_kind(tmp_path / "base", kind)
    model = load(base, save_adapter(base, tmp_path / "lora"))
    plain = captured(model, prompts, LAYERS)
    for other in (captured(model, prompts, LAYERS, side="left"), captured(model, prompts, LAYERS, batch_size=24)):
        for layer in LAYERS:
            for name in ("y", "tuned", "base"):
                one, two = getattr(plain[layer], name), getattr(other[layer], name)
                torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("side", ["left", "right"])
def test_padding_may_be_a_token_that_the_embedding_lacks(model: LoadedModel, prompts: list[str], side: str) -> None:
    plain = captured(model, prompts, LAYERS, side=side)
    other = replace(model, tokenizer=make_tokenizer())
    other.tokenizer.add_special_tokens({"pad_token": "[PAD]"})
    assert other.tokenizer.pad_token_id == len(model.model.get_input_embeddings().weight)
    for layer, kept in captured(other, prompts, LAYERS, side=side).items():
        assert torch.equal(kept.y, plain[layer].y)


def test_prompts_lose_their_end(model: LoadedModel) -> None:
    found = tokenise(model, ["query what is", "query what is a neuron", "graph"], 4)
    words = [" ".join(model.tokenizer.convert_ids_to_tokens(one)) for one in found.ids]
    assert words == ["query what is", "query what is a", "graph"]
    assert (found.cut, found.longest) == (1, 5)


def test_as_many_tokens_as_positions(tmp_path: Path, prompts: list[str]) -> None:
    model = load(save_base(tmp_path / "base", "gpt2", max_position_embeddings=5), None, reference="zero", readout=READ)
    assert tokenise(model, ["query what is a neuron"], 64).longest == 5
    with pytest.raises(UserError, match=r"the longest prompt has 6 tokens, and base has 5 positions"):
        tokenise(model, ["query what is a neuron", "query what is a neuron graph"], 64)


class Stop(Exception):
    pass


class StopAfter:
    """A bar that stops the capture after so many examples."""

    def __init__(self, examples: int) -> None:
        self.left = examples

    def update(self, steps: float = 1) -> None:
        self.left -= int(steps)
        if self.left < 0:
            raise Stop

    def set_postfix_str(self, remark: str) -> None:
        pass

    def close(self) -> None:
        pass


@pytest.mark.parametrize(("done", "goes_on_at"), [(10, 0), (50, 2), (70, 2)])
def test_a_capture_cut_off_goes_on_and_gives_the_same(
    model: LoadedModel, prompts: list[str], tmp_path: Path, done: int, goes_on_at: int
) -> None:
    """Cut off in the first layer, and in the third, after 24 examples in each layer below."""
    model.tokenizer.padding_side = "right"
    batched = batches(model, prompts, batch_size=5, max_tokens=64)
    begun: list[int] = []
    kept: dict[int, LayerCapture] = {}

    def walk(layers: tuple[int, ...], stop: int, batch_size: int = 5) -> None:
        def begin(first: int, count: int) -> StopAfter:
            begun.append(first)
            return StopAfter(stop)

        again = batches(model, prompts, batch_size=batch_size, max_tokens=64)
        for layer, found in capture(model, again, layers, tmp_path, "key", all_tokens=True, begin=begin):
            kept[layer] = found

    with pytest.raises(Stop):
        walk(LAYERS, done)
    walk(tuple(layer for layer in LAYERS if layer not in kept), 1000, batch_size=7)
    assert begun == [0, goes_on_at]
    assert not list(tmp_path.iterdir())
    whole = captured(model, prompts, LAYERS, all_tokens=True)
    assert len(batched) == 5
    for layer in LAYERS:
        torch.testing.assert_close(kept[layer].tuned, whole[layer].tuned, rtol=1e-4, atol=1e-5)
        halves, whole_halves = kept[layer].moments, whole[layer].moments
        assert halves is not None
        assert whole_halves is not None
        for one, two in zip(halves, whole_halves, strict=True):
            torch.testing.assert_close(one.comoment, two.comoment, rtol=1e-3, atol=1e-3)


def run_out_of_memory(monkeypatch: pytest.MonkeyPatch, limit: int) -> list[int]:
    """Let a layer fail for more prompts than ``limit``, when the tap has heard them; give the sizes that were tried."""
    tried: list[int] = []

    @contextmanager
    def through(model: LoadedModel, number: int, layer: torch.nn.Module) -> Iterator[Step]:
        with walk.through(model, number, layer) as step:

            def short(batch: Batch, hidden: torch.Tensor) -> torch.Tensor:
                tried.append(len(batch.examples))
                left = step(batch, hidden)
                if len(batch.examples) > limit:
                    raise torch.OutOfMemoryError("CUDA out of memory")
                return left

            yield short

    monkeypatch.setattr("hedonic_graph.models.capture.through", through)
    return tried


@pytest.mark.parametrize("all_tokens", [False, True])
def test_a_batch_that_the_device_has_no_memory_for_passes_in_halves(
    model: LoadedModel, prompts: list[str], monkeypatch: pytest.MonkeyPatch, all_tokens: bool
) -> None:
    whole = captured(model, prompts, LAYERS, batch_size=9, all_tokens=all_tokens)
    tried = run_out_of_memory(monkeypatch, 3)
    parts = captured(model, prompts, LAYERS, batch_size=9, all_tokens=all_tokens)
    assert tried == 3 * [9, 5, 3, 2, 4, 2, 2, 9, 5, 3, 2, 4, 2, 2, 6, 3, 3]
    for layer in LAYERS:
        for name in ("x", "y", "tuned", "base"):
            one, two = getattr(parts[layer], name), getattr(whole[layer], name)
            torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-5)
        for one, two in zip(parts[layer].moments or (), whole[layer].moments or (), strict=True):
            assert one.count == two.count
            torch.testing.assert_close(one.mean, two.mean, rtol=1e-4, atol=1e-5)
            torch.testing.assert_close(one.comoment, two.comoment, rtol=1e-3, atol=1e-3)


def test_a_device_without_memory_for_one_prompt(
    model: LoadedModel, prompts: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run_out_of_memory(monkeypatch, 0)
    with pytest.raises(UserError, match=r"too little memory, even for one prompt of \d+ tokens.*--device cpu"):
        captured(model, prompts, LAYERS)


def test_a_stream_of_other_inputs_or_cut_short_is_not_taken(
    model: LoadedModel, prompts: list[str], tmp_path: Path
) -> None:
    batched = batches(model, prompts, batch_size=5, max_tokens=64)

    def begins(key: str) -> int:
        first: list[int] = []

        def begin(number: int, count: int) -> StopAfter:
            first.append(number)
            return StopAfter(30)

        with pytest.raises(Stop):
            list(capture(model, batched, LAYERS, tmp_path, key, all_tokens=False, begin=begin))
        return first[0]

    assert begins("one") == 0
    assert begins("other") == 0
    assert begins("one") == 1
    (stream,) = tmp_path.glob(".capture.one.L02")
    stream.write_bytes(stream.read_bytes()[:-4])
    assert begins("one") == 0


def test_last_token_with_either_padding() -> None:
    mask = torch.tensor([[1, 1, 1, 0], [0, 0, 1, 1], [1, 1, 1, 1], [1, 0, 0, 0]])
    assert last_token(mask).tolist() == [2, 3, 3, 0]


def test_activations_that_are_not_finite(
    tmp_path: Path, tiny_base: Path, tiny_adapter: Path, prompts: list[str]
) -> None:
    import shutil

    base = tmp_path / "large"
    shutil.copytree(tiny_base, base)
    state = load_file(base / "model.safetensors")
    state["model.layers.1.mlp.down_proj.weight"] *= 1e38
    save_file(state, base / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UserError, match="layer 1 gives values that are not finite"):
        captured(load(base, tiny_adapter), prompts, LAYERS)


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


@pytest.mark.parametrize("mean", [0, 1000])
def test_merged_moments_are_those_of_all_rows(mean: int) -> None:
    torch.manual_seed(0)
    rows = torch.randn(300, 5) @ torch.randn(5, 5) + mean
    whole, merged = Moments.of(rows), Moments.of(rows[:70])
    merged.merge(Moments.of(rows[70:]))
    merged.merge(Moments.empty(5))
    assert merged.count == whole.count == 300
    torch.testing.assert_close(merged.mean, whole.mean)
    torch.testing.assert_close(merged.comoment, whole.comoment, rtol=1e-4, atol=1e-2)
    late = Moments.empty(5)
    late.merge(merged)
    torch.testing.assert_close(late.comoment, merged.comoment)


@pytest.mark.parametrize("mean", [0, 1000])
def test_moments_of_rows_seen_several_times(mean: int) -> None:
    torch.manual_seed(0)
    rows, times = torch.randn(6, 4) + mean, torch.tensor([2, 0, 1, 3, 0, 1])
    again = Moments.of(rows.repeat_interleave(times, dim=0))
    weighed = Moments.of(rows, times)
    assert weighed.count == 7
    torch.testing.assert_close(weighed.mean, again.mean)
    torch.testing.assert_close(weighed.comoment, again.comoment, rtol=1e-4, atol=1e-3)
    assert Moments.of(rows, torch.zeros(6)).count == 0


@pytest.mark.parametrize("examples", [0, 1, 2, 7, 100])
def test_halves_share_nothing_and_leave_nothing_out(examples: int) -> None:
    first, second = halves(examples)
    assert not (first & second).any()
    assert (first | second).all()
    assert int(first.sum()) == examples // 2
    assert torch.equal(halves(examples), torch.stack([first, second]))


def test_moments_of_the_halves_are_of_their_own_tokens(model: LoadedModel, prompts: list[str]) -> None:
    """Each half alone, as if the other had never been there, whatever the batches."""
    found = captured(model, prompts, (1,), all_tokens=True, batch_size=7)[1].moments
    assert found is not None
    for half, moments in zip(halves(len(prompts)), found, strict=True):
        chosen = [prompt for prompt, here in zip(prompts, half.tolist(), strict=True) if here]
        alone = captured(model, chosen, (1,), all_tokens=True, batch_size=24)[1].moments
        assert alone is not None
        alone[0].merge(alone[1])
        assert moments.count == alone[0].count
        torch.testing.assert_close(moments.mean, alone[0].mean, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(moments.comoment, alone[0].comoment, rtol=1e-3, atol=1e-3)
