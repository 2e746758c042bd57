"""Processor: what this machine's CPU can do that decides how a network is computed."""

import functools
import sys
from pathlib import Path
from typing import Final

import cv2

AVX_512VNNI: Final = 23
"""`CV_CPU_AVX_512VNNI` of OpenCV's core/hal/interface.h; cv2 has no name for it."""

LISTING: Final = Path("/proc/cpuinfo")


@functools.cache
def multiplies_int8() -> bool:
    """Tell whether four products of 8-bit numbers and their sum are one instruction (VNNI).

    Without it x86 adds pairs of products in 16 bits, where they may overflow, and is not faster than in float32.
    The shorter form of desktop processors, AVX-VNNI, is known on Linux only.
    """
    return bool(cv2.checkHardwareSupport(AVX_512VNNI)) or (sys.platform == "linux" and "avx_vnni" in _flags())


def _flags() -> set[str]:
    try:
        lines = LISTING.read_text(encoding="utf-8").splitlines()
    except OSError:
        return set()
    return {flag for line in lines if line.startswith("flags") for flag in line.partition(":")[2].split()}
