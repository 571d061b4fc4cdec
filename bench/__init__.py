"""Measurements side by side: contenders take turns inside a round, and only ratios inside a round mean anything."""
