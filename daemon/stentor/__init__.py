"""Stentor: deep learning on every frame of a running microscope, published as it happens."""

__version__ = "0.1.0"
