"""A hand-drawn run of four layers for the queries about lineage and flow."""

from graph.sketch import Edge, Run

# Layer 4 was not analysed. A persists from end to end; B of layer 3 splits, one half of it merges, the other vanishes.
#
#   2A --persist--> 3A --persist--> 5A --persist--> 6A
#   2B --persist--> 3B --split----> 5B --merge----> 6B
#                      --split----> 5C (vanishes)
#   2C (vanishes)   3C (emerges, vanishes)          6C (emerges)
#   2D (one neuron, not followed)
KIN = Run(
    {2: "AAAABBBCCD", 3: "AAAABBBCCC", 5: "AAAAABBBCC", 6: "AAAABBBBCC"},
    (
        Edge("2A", "3A", "persist", z=5.0, flow=16.0, alpha=0.9, beta=0.8),
        Edge("2B", "3B", "persist", z=6.0, flow=9.0, alpha=1.0, beta=1.0),
        Edge("2C", "3C", None, z=1.0, flow=3.0),
        Edge("2A", "3C", None, z=3.5, flow=2.0, alpha=0.1, beta=0.2),
        Edge("3A", "5A", "persist", z=4.0, flow=20.0, alpha=0.8, beta=0.9),
        Edge("3B", "5B", "split", z=8.0, flow=18.0, alpha=0.6, beta=0.75),
        Edge("3B", "5C", "split", z=7.0, flow=12.0, alpha=0.4, beta=0.95),
        Edge("5A", "6A", "persist", z=9.0, flow=30.0, alpha=1.0, beta=1.0),
        Edge("5B", "6B", "merge", z=5.5, flow=6.0, alpha=0.75, beta=0.5),
        Edge("5C", "6B", None, z=float("nan"), flow=4.0),
    ),
    {
        "2A": (0.5, 1.5),
        "2B": (0.2, 1.2),
        "2C": (0.1, 1.1),
        "3A": (0.3, 1.3),
        "3B": (0.25, 1.25),
        "3C": (0.2, 0.8),
        "5A": (0.4, 1.4),
        "5B": (0.35, 1.35),
        "5C": (0.15, 0.95),
    },
    (
        ("2A", "overlap", 0.5),
        ("3A", "overlap", 0.4),
        ("3A", "length", 0.09),
        ("5A", "overlap", 0.05),
        ("5A", "length", 0.3),
        ("6A", "overlap", 0.3),
        ("3B", "length", 0.2),
        ("5B", "length", 0.25),
        ("5C", "length", 0.12),
    ),
)
