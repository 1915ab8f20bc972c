"""What customers ask of a shop about themselves, and how its owner answers."""
