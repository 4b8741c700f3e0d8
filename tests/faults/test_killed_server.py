"""A server killed in the middle of a load: the loader waits for the next one, or says in one line what to do."""

import random
import time

import pytest
from faults.conftest import Ground, finish, refused
from faults.contents import contents
from graph.test_keeper import children, on_linux
from neo4j_server.server import Neo4jServer

from hedonic_graph.graph import keeper
from hedonic_graph.graph.store import RETRY_WITHIN


# Share of the rows after which the server is killed, and seconds for which there is none.
@pytest.mark.parametrize(("share", "down"), [(0.1, 1.0), (0.4, 3.0), (0.7, RETRY_WITHIN + 2)])
def test_the_loader_waits_for_a_server_that_comes_back(
    server: Neo4jServer, neo4j: Ground, share: float, down: float
) -> None:
    whole, name = neo4j.whole, f"waits-{share}"
    kill = {"rows": int(share * whole.rows), "batches": random.Random(share).random(), "pid": server.pid}
    process = neo4j.ingest(name, kill=kill, batch=whole.rows // 70)
    server.ended()
    time.sleep(down)
    assert process.poll() is None
    server.start()
    _, errors = finish(process)
    told = f"{server.uri} does not answer: waiting for it to come back.\n"
    # The driver itself bridges a short time, and says nothing.
    assert errors == told or (errors == "" and down < RETRY_WITHIN)
    with neo4j.store() as store:
        assert contents(store, f"{name}/") == whole.contents


@on_linux
@pytest.mark.parametrize("victim", ["keeper", "server"])
def test_a_load_into_an_embedded_store_whose_server_was_killed_goes_on_when_asked_again(
    embedded: Ground, victim: str
) -> None:
    whole = embedded.whole
    assert embedded.address.folder is not None
    with embedded.store():
        running = keeper.status(embedded.address.folder)
        assert running is not None
        [child] = children(running.pid)
        pid = running.pid if victim == "keeper" else child
        # The server of a keeper that is no more ends in its own time.
        process = embedded.ingest(f"no-{victim}", kill={"rows": int(0.4 * whole.rows), "pid": pid, "last": child})
        assert refused(process) == f"Error: {embedded.address} stopped answering: run the same command again"
    finish(embedded.ingest(f"no-{victim}"))
    with embedded.store() as store:
        assert contents(store, f"no-{victim}/") == whole.contents
