"""Fine-tuning: LoRA on MLP projections for the paper's tasks, its controls and what they come to (DESIGN §3.7)."""
