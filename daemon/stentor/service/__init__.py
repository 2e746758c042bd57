"""Puts the rooms together into processes that start, watch each other and end in order; the one room that knows all."""
