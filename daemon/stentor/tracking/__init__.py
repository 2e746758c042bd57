"""Tracking: follows objects from frame to frame, online. Knows tables of objects, and no model, file or socket."""
