"""Settings of the analysis."""

from typing import Any

import msgspec

DEFAULT_PLAN: tuple[dict[str, Any], ...] = (
    {"stage": "normalise"},
    {"stage": "segment"},
    {"stage": "measure"},
    {"stage": "track"},
)


class AnalysisSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How frames are analysed.

    Attributes
    ----------
    hang_timeout_s
        A stage that takes longer fails its frame and costs the daemon a restart.
    prepare_timeout_s
        The same for a stage that loads and warms itself.
    quarantine_after
        Restarts on account of one stage before the plan runs without it.
    """

    hang_timeout_s: float = 10.0
    prepare_timeout_s: float = 120.0
    quarantine_after: int = 3
