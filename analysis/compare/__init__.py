"""Runs held to other runs and to baselines."""
