"""Device: what a training computes on, and that it is said."""

import logging

import torch

logger = logging.getLogger(__name__)


def training_device(threads: int) -> torch.device:
    """Return the first CUDA device where there is one, else the CPU with so many threads."""
    torch.set_num_threads(threads)
    if torch.cuda.is_available():
        logger.info("training on %s", torch.cuda.get_device_name())
        return torch.device("cuda")
    logger.info("training on %d CPU threads", threads)
    return torch.device("cpu")
