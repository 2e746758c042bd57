"""Session: the folder of one start, with its settings, ledger, logs and pulses."""

import logging
import time
from pathlib import Path
from typing import Final

import msgspec
import platformdirs

from stentor.core.errors import RecordError
from stentor.core.stage import ModelIdentity
from stentor.service.configuration import EXPERIMENT_FILE, load_settings
from stentor.service.settings import Settings

logger = logging.getLogger(__name__)

SETTINGS_FILE: Final = "settings.json"
LEDGER_FILE: Final = "ledger.sqlite"
DECISIONS_FILE: Final = "decisions.sqlite"
LIGHT_FILE: Final = "light.sqlite"
MODELS_FILE: Final = "models.json"
QUARANTINE_FILE: Final = "quarantine.json"
SQLITE: Final = ".sqlite"
TOML: Final = ".toml"


class Session:
    """Paths of one start; made by the launcher, opened by its children."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def create(cls, settings: Settings) -> "Session":
        """Make the folder and write the settings into it.

        Raises
        ------
        RecordError
            If it cannot be made.
        """
        root = _root(settings)
        stem = time.strftime("%Y-%m-%dT%H%M%S")
        try:
            root.mkdir(parents=True, exist_ok=True)
            for attempt in range(100):
                folder = root / (stem if attempt == 0 else f"{stem}-{attempt}")
                try:
                    folder.mkdir()
                    break
                except FileExistsError:
                    continue
            session = cls(folder)
            (folder / SETTINGS_FILE).write_bytes(msgspec.json.format(msgspec.json.encode(settings), indent=2))
        except OSError as err:
            raise RecordError(
                f"{root}: cannot be written: {err.strerror}; name a folder with room as `record.folder`"
            ) from err
        return session

    def settings(self) -> Settings:
        """Return the settings of this start."""
        return msgspec.json.decode((self.folder / SETTINGS_FILE).read_bytes(), type=Settings)

    @property
    def ledger(self) -> Path:
        """The ledger file."""
        return self.folder / LEDGER_FILE

    @property
    def decisions(self) -> Path:
        """The decision log."""
        return self.folder / DECISIONS_FILE

    @property
    def light_account(self) -> Path:
        """The light account of this rig's specimens, beside the sessions: it outlives them."""
        return self.folder.parent / LIGHT_FILE

    def pulse(self, child: str) -> Path:
        """The pulse file of a child."""
        return self.folder / f"{child}.pulse"

    def log(self, child: str) -> Path:
        """The log file of a child."""
        return self.folder / f"{child}.log"

    def leave_models(self, models: dict[str, ModelIdentity]) -> None:
        """Keep which models ran, for the summary."""
        self._models.write_bytes(msgspec.json.encode(models))

    def models(self) -> dict[str, ModelIdentity]:
        """Return the models of the last daemon that became ready, by stage."""
        if not self._models.exists():
            return {}
        return msgspec.json.decode(self._models.read_bytes(), type=dict[str, ModelIdentity])

    @property
    def _models(self) -> Path:
        return self.folder / MODELS_FILE

    def leave_fault(self, child: str, text: str) -> None:
        """Leave the reason why a child ends, for the launcher to say."""
        try:
            self._fault(child).write_text(text, encoding="utf-8")
        except OSError as err:  # the log has the words, too
            logger.warning("%s: cannot be written: %s", self._fault(child), err.strerror)

    def fault(self, child: str) -> str | None:
        """Return, once, why a child ended; None: it did not say."""
        path = self._fault(child)
        text = path.read_text(encoding="utf-8") if path.exists() else None
        path.unlink(missing_ok=True)
        return text

    def _fault(self, child: str) -> Path:
        return self.folder / f"{child}.fault"

    def quarantined(self) -> frozenset[str]:
        """Names of the stages that the plan runs without."""
        path = self.folder / QUARANTINE_FILE
        return frozenset(msgspec.json.decode(path.read_bytes(), type=list[str])) if path.exists() else frozenset()

    def quarantine(self, stage: str) -> None:
        """Run the plan without a stage from the next start of the daemon on."""
        names = sorted(self.quarantined() | {stage})
        (self.folder / QUARANTINE_FILE).write_bytes(msgspec.json.encode(names))


def find_session(path: Path) -> Session:
    """Return the session that a path means: its ledger or folder, or the newest of an experiment or of many sessions.

    An experiment is its folder or its TOML file.

    Raises
    ------
    RecordError
        If there is none.
    ConfigError
        If the experiment's file is wrong.
    """
    if path.suffix == SQLITE and path.is_file():
        return Session(path.parent)
    if path.is_file() and path.suffix != TOML:
        raise RecordError(f"{path}: neither a ledger ({SQLITE}) nor an experiment ({TOML}); give one, or its folder")
    root = path
    if path.is_file() or (path / EXPERIMENT_FILE).is_file():
        root = _root(load_settings(path))
    for folder in (root, *sorted(root.glob("*/"), reverse=True)):
        if (folder / LEDGER_FILE).is_file():
            return Session(folder)
    raise RecordError(f"{path}: no such ledger; `stentor run` prints where it writes one")


def _root(settings: Settings) -> Path:
    return Path(settings.record.folder or Path(platformdirs.user_state_dir("stentor")) / settings.name)
