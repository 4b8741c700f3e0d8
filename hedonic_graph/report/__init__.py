"""The paper's tables from analysis folders, and what they let one say of its claims."""
