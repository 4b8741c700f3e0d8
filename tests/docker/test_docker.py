"""The files of ``docker/`` against what they name: paths, options, settings. No engine is needed, and none is asked."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from hedonic_graph.cli.analyze import analyze
from hedonic_graph.cli.ingest import ingest

ROOT = Path(__file__).parents[2]
DOCKER = ROOT / "docker"


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    services: dict[str, Any] = yaml.safe_load((DOCKER / "compose.yaml").read_text())["services"]
    return services


def copied() -> list[str]:
    """What the Dockerfile copies from the project."""
    lines = [line.split() for line in (DOCKER / "Dockerfile").read_text().splitlines() if line.startswith("COPY")]
    return [source for _, *rest in lines if not rest[0].startswith("-") for source in rest[:-1]]


def test_what_the_image_is_made_from_is_there_and_is_sent() -> None:
    sent = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    assert sorted(copied()) == sorted(sent)
    for source in copied():
        assert (ROOT / source).exists(), source


def test_images_have_exact_tags_and_ports_are_of_this_machine_only(services: dict[str, Any]) -> None:
    bases = re.findall(r"^FROM (\S+)", (DOCKER / "Dockerfile").read_text(), re.M)
    for image in [services["neo4j"]["image"], *bases]:
        assert re.fullmatch(r"(neo4j:\d+\.\d+\.\d+|python:3\.\d+-slim-\w+)", image), image
    assert [port.rpartition(":")[0] for port in services["neo4j"]["ports"]] == ["127.0.0.1:7474", "127.0.0.1:7687"]
    assert "ports" not in services["cpu"] and "ports" not in services["gpu"]


def test_the_password_comes_from_the_environment_alone(services: dict[str, Any]) -> None:
    text = (DOCKER / "compose.yaml").read_text()
    assert len(re.findall(r"\$\{NEO4J_PASSWORD:\?", text)) == 2
    assert services["neo4j"]["environment"]["NEO4J_AUTH"].startswith("neo4j/${NEO4J_PASSWORD:?")
    for job in ("cpu", "gpu"):
        assert services[job]["environment"]["NEO4J_PASSWORD"].startswith("${NEO4J_PASSWORD:?")
        assert services[job]["depends_on"] == {"neo4j": {"condition": "service_healthy"}}
    assert services["neo4j"]["healthcheck"]["test"][0] == "CMD"


def test_the_job_s_options_are_the_commands_options() -> None:
    known = {"analyze": analyze, "ingest": ingest}
    seen = []
    for line in (DOCKER / "job").read_text().splitlines():
        words = shlex.split(line.replace('"$@"', ""), comments=True)
        if "hedonic-graph" not in words or "echo" in words:
            continue
        _, command, *rest = words[words.index("hedonic-graph") :]
        options = {option for parameter in known[command].params for option in parameter.opts}
        assert {word for word in rest if word.startswith("-")} <= options
        seen.append(command)
    assert seen == ["analyze", "ingest"]


def job(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run the job's script with this project's command in place of the installed one."""
    program = folder / "bin" / "hedonic-graph"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m hedonic_graph.cli "$@"\n')
    program.chmod(0o755)
    environment = os.environ | {
        "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "HEDONIC_STORE": str(folder / "graph"),
    }
    environment.pop("NEO4J_URI", None)
    return subprocess.run(
        ["sh", str(DOCKER / "job"), *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_a_job_without_an_analysis_says_how_it_is_used(tmp_path: Path) -> None:
    done = job(tmp_path, "--model", "smollm2")
    assert done.returncode == 2
    assert done.stderr.startswith("usage: job ANALYSIS")


def test_a_job_whose_analysis_fails_ingests_nothing(tmp_path: Path) -> None:
    done = job(tmp_path, "mine", "--model", "no-such-model", "--text", "none.jsonl", "--layers", "1-2")
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1 and "none.jsonl" in done.stderr
    assert not (tmp_path / "graph").exists() and not (tmp_path / "mine").exists()
