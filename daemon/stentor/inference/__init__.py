"""Model cards, sessions and what turns their output into findings.

Knows core only; the only room that imports onnxruntime.
"""
