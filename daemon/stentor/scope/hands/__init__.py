"""Hands: everything by which requests and events reach the hardware; it knows the guard, a core, and no socket."""
