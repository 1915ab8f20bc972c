"""The blend: what its members say of validation cases, and how they are weighed."""
