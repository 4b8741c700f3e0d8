"""Two loaders at once on one store: neither harms the other's run, nor the neurons that both use."""

from faults.conftest import Ground, finish
from faults.contents import contents


def test_both_runs_are_whole(ground: Ground) -> None:
    for name in ("one", "other"):
        finish(ground.ingest(f"apart/{name}", model="apart/model"))
    together = [ground.ingest(f"at-once/{name}", model="at-once/model") for name in ("one", "other")]
    for process in together:
        finish(process)
    with ground.store() as store:
        apart = contents(store, "apart/")
        assert contents(store, "at-once/") == apart
        neurons = ground.scale["layers"] * ground.scale["neurons"]
        # Neurons are shared, and coalitions and runs are not; the marks of neurons stay, and those of preferences.
        parts = ground.scale["layers"] * (1 + 2)
        assert apart.nodes == neurons + 1 + 2 * (ground.scale["coalitions"] + 1) + parts
