"""Which part of a source's output an edge carries (alpha), and which part of a target's input (beta)."""

import torch

SHARES = ("excess", "relative", "flow")


def expected_flow(flow: torch.Tensor, output: torch.Tensor) -> torch.Tensor:
    """Row total x column total / total [S, T]: the flow of a pair that knows nothing of each other.

    ``output`` [S] is what each kept source sends into all n' target neurons, left-out coalitions included;
    a column total is what a target receives from the sources kept. It is the population of the z scores
    (``significance``), and row totals do not change when target neurons are shuffled.
    """
    total = output.sum()
    return output[:, None] * (flow.sum(0) / torch.where(total > 0, total, 1.0))


def lift(flow: torch.Tensor, expected: torch.Tensor) -> torch.Tensor:
    """Flow over expected flow [S, T]; 0 where nothing flows and nothing was expected to."""
    return flow / torch.where(expected > 0, expected, 1.0)


def excess_shares(
    flow: torch.Tensor, expected: torch.Tensor, z: torch.Tensor, z_min: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Fractions of the flow beyond chance, counted only where z >= ``z_min`` (an undefined z never is)."""
    # In place where it can be: with thousands of coalitions the time goes into memory, 21 times a step.
    excess = (flow - expected).clamp_(min=0).mul_(z >= z_min)
    output, inflow = excess.sum(1, keepdim=True), excess.sum(0)
    return _over(excess, output), excess.div_(torch.where(inflow > 0, inflow, 1.0))


def relative_shares(mass: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mass over the largest mass of its row and of its column."""
    return _over(mass, mass.amax(1, keepdim=True)), _over(mass, mass.amax(0))


def flow_shares(flow: torch.Tensor, output: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Fractions of all flow: of the source's ``output`` [S] into the whole layer, of the target's inflow."""
    return _over(flow, output[:, None]), _over(flow, flow.sum(0))


def _over(part: torch.Tensor, whole: torch.Tensor) -> torch.Tensor:
    return part / torch.where(whole > 0, whole, 1.0)
