"""The hedonic game: partitions, solvers, stability and baselines (DESIGN §3.5)."""
