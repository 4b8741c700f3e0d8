import numpy as np
import pytest
import torch

from hedonic_graph.errors import UserError
from hedonic_graph.lineage import mass as module
from hedonic_graph.lineage.mass import composite_flow, pair_flow, pair_mass, residual_flow
from hedonic_graph.lineage.membership import Membership

D, N, TARGETS, EXAMPLES = 5, 11, 7, 9
LABELS = np.array([0, 1, 0, 2, -1, 1, 0, 3, -1, 0, 0])


@pytest.fixture
def layer() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return {
        "down": torch.randn(D, N, generator=generator),
        "up": torch.randn(TARGETS, D, generator=generator),
        "gate": torch.randn(TARGETS, D, generator=generator),
        "acts": torch.randn(EXAMPLES, N, generator=generator),
    }


def plain_composite(layer: dict[str, torch.Tensor], gated: bool) -> np.ndarray:
    down, up, gate, acts = (layer[name].double().tolist() for name in ("down", "up", "gate", "acts"))
    flow = np.zeros((4, TARGETS))
    for i in range(N):
        if LABELS[i] < 0:
            continue
        strength = sum(abs(row[i]) for row in acts) / EXAMPLES
        for q in range(TARGETS):
            path = abs(sum(up[q][p] * down[p][i] for p in range(D)))
            if gated:
                path += abs(sum(gate[q][p] * down[p][i] for p in range(D)))
            flow[LABELS[i], q] += path * strength
    return flow


def plain_residual(layer: dict[str, torch.Tensor], gated: bool) -> np.ndarray:
    down, up, gate, acts = (layer[name].double().tolist() for name in ("down", "up", "gate", "acts"))
    flow = np.zeros((4, TARGETS))
    for c in range(4):
        members = [i for i in range(N) if LABELS[i] == c]
        for p in range(D):
            written = sum(abs(sum(row[i] * down[p][i] for i in members)) for row in acts) / EXAMPLES
            for q in range(TARGETS):
                flow[c, q] += (abs(up[q][p]) + (abs(gate[q][p]) if gated else 0.0)) * written
    return flow


def composite(
    layer: dict[str, torch.Tensor], labels: list[np.ndarray], gated: bool = True, block: int = 512
) -> list[torch.Tensor]:
    gate = layer["gate"] if gated else None
    return composite_flow(layer["down"], layer["up"], gate, layer["acts"].abs().mean(0), labels, block_size=block)


def residual(
    layer: dict[str, torch.Tensor], labels: list[np.ndarray], gated: bool = True, block: int = 128
) -> list[torch.Tensor]:
    gate = layer["gate"] if gated else None
    return residual_flow(layer["down"], layer["up"], gate, layer["acts"], labels, block_size=block)


@pytest.mark.parametrize("gated", [True, False])
def test_composite_flow_is_the_double_loop(layer: dict[str, torch.Tensor], gated: bool) -> None:
    (flow,) = composite(layer, [LABELS], gated)
    assert flow.dtype == torch.float32
    np.testing.assert_allclose(flow.numpy(), plain_composite(layer, gated), rtol=2e-6)


@pytest.mark.parametrize("gated", [True, False])
def test_residual_flow_is_the_double_loop(layer: dict[str, torch.Tensor], gated: bool) -> None:
    (flow,) = residual(layer, [LABELS], gated)
    assert flow.dtype == torch.float32
    np.testing.assert_allclose(flow.numpy(), plain_residual(layer, gated), rtol=2e-6)


@pytest.mark.parametrize("block", [1, 3, 7, 100])
def test_the_block_size_does_not_change_composite_flow(layer: dict[str, torch.Tensor], block: int) -> None:
    (flow,) = composite(layer, [LABELS], block=block)
    np.testing.assert_allclose(flow.numpy(), plain_composite(layer, True), rtol=2e-6)


@pytest.mark.parametrize("block", [1, 4, 9, 100])
@pytest.mark.parametrize("budget", [1, 40, 1 << 20])
def test_neither_block_nor_budget_changes_residual_flow(
    layer: dict[str, torch.Tensor], block: int, budget: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_BUDGET", budget)
    (flow,) = residual(layer, [LABELS], block=block)
    np.testing.assert_allclose(flow.numpy(), plain_residual(layer, True), rtol=2e-6)


@pytest.mark.parametrize("flows", [composite, residual])
def test_several_memberships_in_one_pass_are_as_many_passes(layer, flows) -> None:  # type: ignore[no-untyped-def]
    others = [LABELS, np.zeros(N, dtype=np.int32), np.arange(N)]
    together = flows(layer, others)
    assert [flow.shape[0] for flow in together] == [4, 1, N]
    for flow, labels in zip(together, others, strict=True):
        torch.testing.assert_close(flow, flows(layer, [labels])[0], rtol=0, atol=0)


def test_composite_flow_adds_up_over_coalitions_and_residual_flow_does_not(layer: dict[str, torch.Tensor]) -> None:
    single, whole = np.arange(N), np.zeros(N, dtype=int)
    each, together = composite(layer, [single, whole])
    torch.testing.assert_close(each.sum(0), together[0])
    each, together = residual(layer, [single, whole])
    assert (together[0] < 0.9 * each.sum(0)).all()


def test_residual_flow_leaves_out_a_label_nobody_has(layer: dict[str, torch.Tensor]) -> None:
    gap = np.where(LABELS == 1, -1, LABELS)
    (flow,) = residual(layer, [gap])
    expected = plain_residual(layer, True)
    expected[1] = 0
    np.testing.assert_allclose(flow.numpy(), expected, rtol=2e-6)


def test_half_precision_weights_are_computed_in_float32(layer: dict[str, torch.Tensor]) -> None:
    low = {name: value.bfloat16() for name, value in layer.items()}
    (flow,) = composite(low, [LABELS])
    exact = {name: value.float() for name, value in low.items()}
    exact_mean = low["acts"].abs().mean(0)
    (expected,) = composite_flow(exact["down"], exact["up"], exact["gate"], exact_mean, [LABELS])
    torch.testing.assert_close(flow, expected, rtol=0, atol=0)
    torch.testing.assert_close(residual(low, [LABELS])[0], residual(exact, [LABELS])[0], rtol=0, atol=0)


def test_pair_flow_and_mass_are_sums_over_members() -> None:
    flows = torch.tensor([[1.0, 2.0, 4.0, 8.0], [16.0, 32.0, 64.0, 128.0]])
    target = Membership(np.array([0, 1, 0, -1]))
    flow = pair_flow(flows, target)
    assert flow.tolist() == [[5.0, 2.0], [80.0, 32.0]]
    mass = pair_mass(flow, torch.tensor([1.0, 4.0]), target.sizes)
    assert mass.tolist() == [[2.5, 2.0], [10.0, 8.0]]


def test_weights_that_do_not_fit_are_refused(layer: dict[str, torch.Tensor]) -> None:
    strength = layer["acts"].abs().mean(0)
    with pytest.raises(UserError, match="does not read what the down projection"):
        composite_flow(layer["down"].T, layer["up"], layer["gate"], strength, [LABELS])
    with pytest.raises(UserError, match="must have one shape"):
        composite_flow(layer["down"], layer["up"], layer["gate"][1:], strength, [LABELS])
    with pytest.raises(UserError, match="labels cover 10 neurons, the down projection has 11"):
        composite_flow(layer["down"], layer["up"], layer["gate"], strength, [LABELS[1:]])
    with pytest.raises(UserError, match="mean_abs"):
        composite_flow(layer["down"], layer["up"], layer["gate"], strength[1:], [LABELS])
    with pytest.raises(UserError, match="mean_abs"):
        composite_flow(layer["down"], layer["up"], layer["gate"], -strength, [LABELS])
    for wrong in (layer["acts"][:, 1:], layer["acts"][0], layer["acts"][:0]):
        with pytest.raises(UserError, match=r"activations must be \[examples, 11\]"):
            residual_flow(layer["down"], layer["up"], layer["gate"], wrong, [LABELS])


@pytest.mark.parametrize("flows", [composite, residual])
def test_weights_with_nan_are_refused(layer, flows) -> None:  # type: ignore[no-untyped-def]
    layer["up"][2, 1] = torch.nan
    with pytest.raises(UserError, match="not finite"):
        flows(layer, [LABELS])
