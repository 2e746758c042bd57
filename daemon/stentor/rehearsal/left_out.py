"""Left out: refusals that the decision log counts and does not list, found again when a controller is asked again."""

from collections.abc import Iterable
from typing import Any

from stentor.core.action import Action
from stentor.record.decisions import Decision

Kind = tuple[str, type[Any]]
"""The guard's rule and the kind of action, by which the log counts one asker's refusals."""


class LeftOut:
    """`see` what the log holds of a frame, then `find` what else is asked for there, frame by frame.

    On which frames they were asked for nobody knows: between the row before and the one that counts them.

    Parameters
    ----------
    decisions
        Of one controller, in order.

    Attributes
    ----------
    found
        How many of them were asked for again.
    """

    def __init__(self, decisions: Iterable[Decision]) -> None:
        self.found = 0
        self._total = 0
        self._after: dict[str, int] = {}
        """By the id of a row, how many like it came after it."""
        self._standing: dict[Kind, Decision] = {}
        last: dict[Kind, str] = {}
        for decision in decisions:
            if decision.verdict == "refused":
                kind = _kind(decision)
                if decision.left_out and kind in last:
                    self._after[last[kind]] = decision.left_out
                    self._total += decision.left_out
                last[kind] = decision.id

    @property
    def missing(self) -> int:
        """How many were not asked for again."""
        return self._total - self.found

    def see(self, decisions: Iterable[Decision]) -> None:
        """Note that a frame is shown on which these were decided."""
        for decision in decisions:
            if decision.verdict == "refused":
                self._standing.pop(_kind(decision), None)
                self._standing[_kind(decision)] = decision

    def find(self, action: Action) -> Decision | None:
        """Return the refusal that stands for one that is asked for now; None: it was not asked for then."""
        for (_, kind), decision in reversed(self._standing.items()):
            if isinstance(action, kind) and self._after.get(decision.id, 0):
                self._after[decision.id] -= 1
                self.found += 1
                return decision
        return None


def _kind(decision: Decision) -> Kind:
    return decision.guard_rule, type(decision.action)
