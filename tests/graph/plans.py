"""What is wrong with the plan of a statement: parts of it that no index serves (DESIGN §6)."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

# A Run or Model is one of few, and so are the edges between them; of these there are very many.
MANY = ("Neuron", "Coalition")
FEW = ("Run", "Model")
FEW_EDGES = ("ANALYSES",)

Plan = Mapping[str, Any]


def operators(plan: Plan) -> Iterator[Plan]:
    """Every operator of a Neo4j plan."""
    yield plan
    for child in plan.get("children", []):
        yield from operators(child)


def neo4j_faults(plan: Plan) -> list[str]:
    """What a Neo4j plan reads in full, or multiplies."""
    found = []
    for operator in operators(plan):
        name, details = _name(operator), _details(operator)
        everything = re.search(r"AllNodesScan|AllRelationshipsScan", name)
        edges = re.search(r"RelationshipTypes?Scan|RelationshipIndexScan", name) and _names(details) - {*FEW_EDGES}
        nodes = re.search(r"ByLabels?Scan|NodeIndexScan", name) and _names(details) & {*MANY}
        product = name == "CartesianProduct" and not any(map(_few_rows, operator["children"]))
        if everything or edges or nodes or product:
            found.append(f"{name} {details}".rstrip())
    return found


def _name(operator: Plan) -> str:
    return str(operator["operatorType"]).partition("@")[0]


def _details(operator: Plan) -> str:
    return str(operator["args"].get("Details", ""))


def _names(details: str) -> set[str]:
    """Labels or relationship types that an operator names: ``n:Neuron``, ``(a)-[e:PERSISTS_AS|SPLITS_INTO]->(b)``."""
    return {name for names in re.findall(r"\w:([\w|&:]+)", details) for name in re.split(r"[|&:]+", names)}


def _few_rows(side: Plan) -> bool:
    """Say whether one side of a product is what a unique key finds, or runs and models: then little is multiplied."""
    for operator in operators(side):
        name, details = _name(operator), _details(operator)
        if "Expand" in name and _names(details) - {*FEW_EDGES}:
            return False
        # By a range or a list a unique key finds many.
        one = re.search(r"UniqueIndexSeek(\(|$)", name) and " IN " not in details
        if re.search(r"Scan|Seek", name) and not one and _names(details) - {*FEW, *FEW_EDGES}:
            return False
        if name == "Unwind":
            return False
    return True


def embedded_faults(profile: str) -> list[str]:
    """What the embedded store's plan, as it prints it after running, finds without an index."""
    found = []
    for line in profile.splitlines():
        many = re.search(rf"MATCH NODE \(\w*:({'|'.join(MANY)})\)", line)
        scan = re.search(rf"NodeByLabelScan.*({'|'.join(MANY)})", line)
        if (many and "[index:" not in line) or scan:
            found.append(line.strip())
    return found
