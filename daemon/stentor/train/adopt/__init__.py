"""Adopt: makes other people's networks ours: their graphs brought into our form, their descriptions into our cards.

Knows inference and card files; the packages `onnx` and `bioimageio.spec` come with the extra [adopt].
"""
