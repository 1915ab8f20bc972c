"""How the staff dashboard writes moments."""
