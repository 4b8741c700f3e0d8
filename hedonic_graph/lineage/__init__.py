"""What becomes of each coalition from one layer to the next (DESIGN §3.6)."""
