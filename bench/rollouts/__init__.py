"""Simulated rollouts, judged by production's rules."""
