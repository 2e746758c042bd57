"""Offer: what a plan gives to conditions, and where a condition names something else."""

import ast
from collections.abc import Iterator
from typing import Final, NamedTuple

from stentor.control.grammar import CLASS, FRAME_NAMES, TABLE, point_at
from stentor.core.nearest import did_you_mean

UNSURE: Final = "unsure"
"""What every classifier may say besides its classes."""

LIKENESS: Final = 0.5
"""Columns carry their unit, which people leave out: `area` is `area_px`."""


class Offer(NamedTuple):
    """What the stages of a plan say that they give; None: one of them does not say, so that anything may be there.

    Attributes
    ----------
    columns
        Of the table of objects; `p_<class>` names a class.
    events, scores
        Kinds, and names.
    """

    columns: tuple[str, ...] | None = None
    events: tuple[str, ...] | None = None
    scores: tuple[str, ...] | None = None

    @property
    def classes(self) -> tuple[str, ...]:
        """What `class` may be compared with."""
        return (*(name[2:] for name in self.columns or () if name.startswith("p_")), UNSURE)


def check_names(tree: ast.expr, offer: Offer, *, text: str, where: str) -> None:
    """Refuse a condition that names what the plan does not give.

    Parameters
    ----------
    tree, text
        As `grammar.parse` returned it, and what it was given.

    Raises
    ------
    ConfigError
        Pointing at the first such name, with the nearest that there is.
    """
    faults = sorted(_faults(tree, offer))
    if faults:
        point_at(text, where, *faults[0])


def _faults(tree: ast.expr, offer: Offer) -> Iterator[tuple[int, str]]:
    """Yield where in the text something is named that is not given, and what to do."""
    functions = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id="event"), args=[ast.Constant(value=str(name)) as given]):
                fault = _unknown("an event", name, offer.events, "track")
            case ast.Call(func=ast.Name(id="score"), args=[ast.Constant(value=str(name)) as given]):
                fault = _unknown("a score", name, offer.scores, "quality")
            case ast.Compare(left=ast.Name(id=column), comparators=[ast.Constant(value=str(name)) as given]):
                fault = _unknown_class(column, name, offer)
            case ast.Compare(left=ast.Constant(value=str(name)) as given, comparators=[ast.Name(id=column)]):
                fault = _unknown_class(column, name, offer)
            case ast.Name(id=column) as given if node not in functions and column not in (TABLE, *FRAME_NAMES):
                fault = _unknown_column(column, offer)
            case _:
                continue
        if fault is not None:
            yield given.col_offset, fault


def _unknown(what: str, name: str, known: tuple[str, ...] | None, stage: str) -> str | None:
    if known is None or name in known:
        return None
    hint = did_you_mean(name, known, likeness=LIKENESS) if known else f"add a stage `{stage}`"
    return f"no stage of the plan gives {what} {name!r}; {hint}"


def _unknown_column(column: str, offer: Offer) -> str | None:
    if column != CLASS:
        return _unknown("a column", column, offer.columns, "measure")
    if offer.columns is None or "class" in offer.columns:
        return None
    return "no stage of the plan gives a column 'class'; add a stage `classify`"


def _unknown_class(column: str, name: str, offer: Offer) -> str | None:
    if column != CLASS or "class" not in (offer.columns or ()) or name in offer.classes:
        return None
    return f"the model knows no class {name!r}; {did_you_mean(name, offer.classes)}"
