"""Settings: everything a configuration file can say, put together from the rooms."""

from typing import Any

import msgspec

from stentor.control.settings import GuardSettings
from stentor.ingest.settings import GatherSettings, SourceSettings
from stentor.pipeline.settings import DEFAULT_PLAN, AnalysisSettings
from stentor.publish.settings import PublishSettings
from stentor.record.settings import RecordSettings
from stentor.scope.acquisition import AcquisitionSettings
from stentor.scope.settings import RigSettings
from stentor.wire.rendezvous import DEFAULT_NAME


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One rig: a microscope, its analysis and where the results go.

    `plan` is the list of stages in order: each table names its `stage` (the kind), perhaps a `name`, and the stage's
    own settings. `controller` is the list of what decides on results: each table names its `kind`, perhaps a `name`.
    """

    name: str = DEFAULT_NAME
    rig: RigSettings = RigSettings()
    acquisition: AcquisitionSettings = AcquisitionSettings()
    source: SourceSettings = SourceSettings()
    gather: GatherSettings = GatherSettings()
    analysis: AnalysisSettings = AnalysisSettings()
    plan: tuple[dict[str, Any], ...] = DEFAULT_PLAN
    controller: tuple[dict[str, Any], ...] = ()
    guard: GuardSettings = GuardSettings()
    publish: PublishSettings = PublishSettings()
    record: RecordSettings = RecordSettings()
