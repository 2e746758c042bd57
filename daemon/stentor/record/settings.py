"""Settings of what is kept on disk."""

import msgspec


class RecordSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where things are kept.

    `folder` gets one sub-folder for each start, with the ledger and the logs; None: the user's state folder.
    """

    folder: str | None = None
