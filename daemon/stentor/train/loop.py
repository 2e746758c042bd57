"""Loop: optimiser steps under one cosine, seeded, said aloud, and continued from a checkpoint when cut off."""

import logging
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

logger = logging.getLogger(__name__)

Network = TypeVar("Network", bound=nn.Module)


class Schedule(Protocol):
    """What the loop reads of a training's settings; see `stentor.train.settings.TrainSettings`."""

    @property
    def scratch(self) -> str: ...
    @property
    def steps(self) -> int: ...
    @property
    def minutes(self) -> float | None: ...
    @property
    def learning_rate(self) -> float: ...
    @property
    def weight_decay(self) -> float: ...
    @property
    def warmup_steps(self) -> int: ...
    @property
    def seed(self) -> int: ...
    @property
    def checkpoint_s(self) -> float: ...
    @property
    def progress_s(self) -> float: ...


class Loop(Generic[Network]):
    """One training run, called from one thread: `Loop(network, schedule, rng, loss, watched).run()`.

    A checkpoint of the same seed in the schedule's scratch folder is continued. `run` may be called again and returns
    at once.

    Attributes
    ----------
    step
        Optimiser steps done.
    spent_s
        Seconds trained, over all continuations.
    history
        Rows (step, mean loss since the last row, watched loss).
    """

    def __init__(
        self,
        network: Network,
        schedule: Schedule,
        rng: np.random.Generator,
        *,
        loss: Callable[[], Tensor],
        watched: Callable[[], float],
    ) -> None:
        """Take the network and two functions.

        Parameters
        ----------
        rng
            What `loss` draws its batches from; its state is kept in the checkpoint.
        loss
            Draws the next batch and returns its loss, a scalar that can be differentiated.
        watched
            Returns the loss of something that is never trained on; the network is in evaluation mode meanwhile.
        """
        self.network = network
        self.optimiser = torch.optim.AdamW(
            network.parameters(), schedule.learning_rate, weight_decay=schedule.weight_decay
        )
        self.step = 0
        self.spent_s = 0.0
        self.history: list[tuple[int, float, float]] = []
        self._schedule = schedule
        self._rng = rng
        self._loss = loss
        self._watched = watched
        self._checkpoint = Path(schedule.scratch) / "checkpoint.pt"
        if self._checkpoint.exists():
            self._restore()

    @property
    def progress(self) -> float:
        """Share of the cosine that is done, by steps or by time, whichever is further; 0 to 1."""
        minutes = self._schedule.minutes
        by_time = 0.0 if minutes is None else self.spent_s / (60 * minutes)
        return min(1.0, max(self.step / self._schedule.steps, by_time))

    def run(self) -> Network:
        """Train until the cosine has ended and return the network, in evaluation mode."""
        begun = last_saved = last_said = time.monotonic()
        spent_before = self.spent_s
        recent: list[float] = []
        while self.progress < 1.0:
            recent.append(self._one_step())
            now = time.monotonic()
            self.spent_s = spent_before + now - begun
            if now - last_said > self._schedule.progress_s:
                self._say(float(np.mean(recent)))
                recent, last_said = [], now
            if now - last_saved > self._schedule.checkpoint_s:
                self.save()
                last_saved = now
        if recent:
            self._say(float(np.mean(recent)))
            self.save()
        self.network.eval()
        return self.network

    def save(self) -> None:
        """Write the checkpoint, replacing the old one only when the new one is whole."""
        self._checkpoint.parent.mkdir(parents=True, exist_ok=True)
        partial = self._checkpoint.with_suffix(".partial")
        torch.save(
            {
                "seed": self._schedule.seed,
                "network": self.network.state_dict(),
                "optimiser": self.optimiser.state_dict(),
                "step": self.step,
                "spent_s": self.spent_s,
                "history": self.history,
                "rng": self._rng.bit_generator.state,
            },
            partial,
        )
        partial.replace(self._checkpoint)

    def _restore(self) -> None:
        state: dict[str, Any] = torch.load(self._checkpoint, weights_only=True, map_location="cpu")
        if state["seed"] != self._schedule.seed:
            return
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step, self.spent_s, self.history = state["step"], state["spent_s"], list(state["history"])
        self._rng.bit_generator.state = state["rng"]
        logger.info("continuing at step %d after %.0f s", self.step, self.spent_s)

    def _one_step(self) -> float:
        warm = min(1.0, (self.step + 1) / self._schedule.warmup_steps)
        for group in self.optimiser.param_groups:
            group["lr"] = self._schedule.learning_rate * warm * 0.5 * (1 + math.cos(math.pi * self.progress))
        loss = self._loss()
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        self.optimiser.step()
        self.step += 1
        return float(loss.detach())

    def _say(self, loss: float) -> None:
        self.network.eval()
        with torch.no_grad():
            watched = self._watched()
        self.network.train()
        self.history.append((self.step, loss, watched))
        logger.info(
            "step %d, %.0f %% in %.0f s: loss %.4f, validation %.4f",
            self.step,
            100 * self.progress,
            self.spent_s,
            loss,
            watched,
        )
