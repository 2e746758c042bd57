"""Errors, named by who must act: every message says what, where, and what to do."""


class StentorError(Exception):
    """Base of every error that Stentor raises on purpose."""


class ConfigError(StentorError):
    """The operator must act: a setting, a path or a command line is wrong."""


class SourceError(StentorError):
    """The microscope must be looked at: a core, a camera or an acquisition failed."""


class ModelError(StentorError):
    """The model folder must be looked at: a card, a hash, a shape or a provider is wrong."""


class StageError(StentorError):
    """The plugin must be looked at: a stage failed or answered with the wrong type."""


class PublishError(StentorError):
    """The network must be looked at: a socket could not be bound, reached or trusted."""


class RecordError(StentorError):
    """The disk must be looked at: a record could not be written or read."""
