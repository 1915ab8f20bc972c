"""The transformer: its network, its losses, and its training within a budget."""
