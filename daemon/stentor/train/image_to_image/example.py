"""Example: what an image-to-image network is shown, and what it should answer."""

import numpy as np
from numpy.typing import NDArray

Example = tuple[NDArray[np.float32], NDArray[np.float32], float]
"""Network input (C, Y, X), wanted answer (Y, X), and by how much an error is to be multiplied to be one of the peak."""
