"""How many coalitions have to be sampled for a guarantee (DESIGN §3.5)."""

from math import ceil, log

from hedonic_graph.errors import UserError


def guaranteed_samples(n: int, *, epsilon: float = 0.1, delta: float = 0.1) -> int:
    """Return the number of coalitions that makes Top-Cover of ``n`` players PAC stable by theorem.

    Sliwinski and Zick, "Learning Hedonic Games", IJCAI 2017, their algorithm for top responsive games, asks for

        m = (2 n^4 + 2 n^3) ceil(1/epsilon ln(2 n^3 / delta))

    coalitions from D; then, with probability 1 - ``delta``, a coalition drawn from D blocks with probability at
    most ``epsilon``. There are up to n rounds, each of n + 1 batches of 2 n^2 ceil(...) coalitions: one to find
    every player's favourite, n to narrow its choice set down. What a player misses in a batch has, but for a
    chance of delta / 2 n^3, a probability of at most epsilon / 2 n^2; n rounds, n + 1 batches and n players
    make at most 2 n^3 such chances, n players and n + 1 batches at most 2 n^2 such misses.

    The bound is sufficient and far from necessary. Algorithm 1 of "Hedonic Neurons" takes the first batch of a
    round only, so even this many samples would not give it the guarantee; `stability.certificate` measures the
    probability that the theorem bounds. Raises UserError for n < 1 and for numbers outside of (0, 1).
    """
    if n < 1 or not (0 < epsilon < 1 and 0 < delta < 1):
        raise UserError(f"no such guarantee for {n} players, epsilon {epsilon} and delta {delta}")
    return (2 * n**4 + 2 * n**3) * ceil(log(2 * n**3 / delta) / epsilon)
