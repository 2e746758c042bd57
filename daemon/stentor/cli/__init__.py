"""Command line: verbs only; every one of them is a few lines over a room."""

from stentor.cli import asking, controlling, creating, models, rehearsing, running
from stentor.cli.application import app

__all__ = ["app", "asking", "controlling", "creating", "main", "models", "rehearsing", "running"]


def main() -> None:
    """Run the command line; the console script's entry."""
    app()
