"""What coalitions matter, mean and predict: metrics and evaluations over arrays (DESIGN §3.7)."""
