"""How much neurons value each other: PAS and OCA (DESIGN §3.3-3.4)."""
