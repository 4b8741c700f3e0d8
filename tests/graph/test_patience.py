"""Waiting for a server that is away: for a while, told once, and only where waiting helps."""

import pytest
from neo4j import exceptions

from hedonic_graph.graph import patience
from hedonic_graph.graph.patience import Patience


class Work:
    """Fails with each of these, then answers."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)

    def __call__(self) -> str:
        if self.failures:
            raise self.failures.pop(0)
        return "done"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "PAUSE", 0.01)


def transient(code: str) -> Exception:
    return exceptions.Neo4jError._hydrate_neo4j(code=code, message="no")


@pytest.mark.parametrize(
    "failure",
    [
        exceptions.ServiceUnavailable("no answer"),
        exceptions.SessionExpired("gone"),
        exceptions.IncompleteCommit("who knows"),
        transient("Neo.TransientError.Transaction.DeadlockDetected"),
        transient("Neo.TransientError.General.DatabaseUnavailable"),
    ],
)
def test_it_waits_and_says_so_once(failure: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    patient = Patience(lambda: told.append("away"))
    assert patient(Work(failure, failure, failure)) == "done"
    assert told == ["away"]
    # As another thread does that notices when this one has its answer.
    assert patient(Work(failure)) == "done"
    assert told == ["away"]
    monkeypatch.setattr(patience, "SAME_TIME", 0.0)
    assert patient(Work(failure)) == "done"
    assert told == ["away", "away"]


def test_it_does_not_wait_for_ever() -> None:
    failure = exceptions.ServiceUnavailable("no answer")
    with pytest.raises(exceptions.ServiceUnavailable):
        Patience(seconds=0.03)(Work(*[failure] * 1000))


@pytest.mark.parametrize(
    "failure",
    [
        exceptions.ClientError("wrong"),
        transient("Neo.TransientError.General.MemoryPoolOutOfMemoryError"),
        transient("Neo.TransientError.General.TransactionMemoryLimit"),
    ],
)
def test_it_does_not_wait_where_that_does_not_help(failure: Exception) -> None:
    with pytest.raises(type(failure)):
        Patience()(Work(failure))


def test_it_ends_when_told() -> None:
    patient = Patience()
    patient.end()
    with pytest.raises(exceptions.ServiceUnavailable):
        patient(Work(exceptions.ServiceUnavailable("no answer")))
