"""What ``evaluate`` adds to a finished analysis: synergy, alignment, predictivity and drop of its coalitions."""
