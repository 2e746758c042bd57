"""Simulated microscope: a living specimen behind Micro-Manager's core interface; it knows no engine and no model."""
