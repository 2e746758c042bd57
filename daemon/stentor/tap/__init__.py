"""What runs inside other people's processes: watches their frames, and never waits for anything or raises into them."""

from stentor.tap.pycromanager_tap import PycromanagerTap as PycromanagerTap
from stentor.tap.pymmcore_plus_tap import PymmcorePlusTap as PymmcorePlusTap

__all__ = ["PycromanagerTap", "PymmcorePlusTap"]
