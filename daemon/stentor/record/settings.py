"""Settings of what is kept on disk."""

from typing import Annotated

import msgspec
from msgspec import Meta


class RecordSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where things are kept.

    Attributes
    ----------
    folder
        Gets one sub-folder for each start, with the ledger and the logs; a relative one lies beside the configuration
        file. None: the user's state folder.
    evidence_mb
        Space for what each controller saw, on which `stentor replay SESSION --controller NAME` asks it again; 0: none.
    decisions_mb
        Space for the decision log of one start. Afterwards requests are answered and done as before, and not kept.
    """

    folder: str | None = None
    evidence_mb: Annotated[float, Meta(ge=0)] = 1000.0
    decisions_mb: Annotated[float, Meta(gt=0)] = 500.0
