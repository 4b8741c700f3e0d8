"""How fast it is: speed as ratios in one run, against a plain reference or a limit (DESIGN §9)."""
