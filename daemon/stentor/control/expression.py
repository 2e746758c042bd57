"""Expression: a condition on a result, written by people who do not program, checked before the first frame.

`count(objects, class == 'mitotic') >= 1`, `event('division')`, `mean(objects, area_um2) > 200 and score('focus') > 3`.
Evaluated by simpleeval: no statement, attribute or import gets through, and columns are compared as arrays.
"""

import ast
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from simpleeval import DEFAULT_OPERATORS, InvalidExpression, SimpleEval

from stentor.control.grammar import FRAME_NAMES, REDUCTIONS, parse
from stentor.control.offer import UNSURE, Offer, check_names
from stentor.core.clock import NS_PER_S
from stentor.core.controller import SeenResult
from stentor.core.errors import StageError
from stentor.core.finding import Objects
from stentor.core.frame import ASKED, FrameHeader

_NEVER_MISSED: Final = ("channel", "time_s")
"""Names of the frame that can be asked for when it does not say them."""

_REDUCTIONS: Final[Mapping[str, Callable[[NDArray[Any]], Any]]] = {name: getattr(np, name) for name in REDUCTIONS}


class Expression:
    """One condition, parsed once; `value` for every result, in one thread.

    Inside `count(objects, ...)` and `mean(objects, ...)`, names are columns of the object table; `class` compares with
    the classes' names. Outside, names are t, c, z, p, channel and exposure_ms of the frame, and
    time_s: seconds since the first frame of its run that this expression was asked about.

    Parameters
    ----------
    where
        What the text belongs to, for messages.
    of_objects
        The text says something of each object, without `count(objects, ...)` around it: for `selects`.

    Raises
    ------
    ConfigError
        If the text is no expression, or names what cannot be known; the message points at the fault.
    """

    def __init__(self, text: str, *, where: str, of_objects: bool = False) -> None:
        self._text = text
        self._where = where
        self._result: SeenResult | None = None
        self._began: tuple[str, int] = ("", 0)
        self._tree = parse(text, where=where, of_objects=of_objects)
        names = {node.id for node in ast.walk(self._tree) if isinstance(node, ast.Name)}
        self._of_frame_names = names.intersection(FRAME_NAMES).difference(_NEVER_MISSED)
        self._evaluator = _ColumnEval(self._name, self._functions())

    def check(self, offer: Offer) -> None:
        """Refuse columns, events, scores and classes that the plan does not give.

        Raises
        ------
        ConfigError
            Pointing at the first, with the nearest that there is.
        """
        check_names(self._tree, offer, text=self._text, where=self._where)

    def applies_to(self, result: SeenResult) -> bool:
        """Tell whether it can be asked about a frame: one that was asked for in between may lack what it names.

        Such an image belongs to no time point: it has no `t`, and no `c`, `z` and `p` but those that its asker gave it.
        Of the acquisition's own frames `value` says what they lack.
        """
        frame = result.frame
        return ASKED not in frame.axes or all(getattr(frame, name) is not None for name in self._of_frame_names)

    def value(self, result: SeenResult) -> Any:
        """Return what the expression says of a result.

        Raises
        ------
        StageError
            If it cannot be said, such as for a column that the plan does not give.
        """
        self._result = result
        if self._began[0] != result.frame.frame_id.run:
            self._began = (result.frame.frame_id.run, result.frame.received_ns)
        try:
            value = self._evaluator.eval(self._text, previously_parsed=self._tree)
        except TypeError as err:  # numpy's words are of ufuncs and dtypes
            raise StageError(f"{self._where}: a number and a text cannot be compared, or calculated with") from err
        except (InvalidExpression, KeyError, ValueError, ZeroDivisionError) as err:
            raise StageError(f"{self._where}: {err}") from err
        finally:
            self._result = None
        return value.item() if isinstance(value, np.generic) else value

    def is_true(self, result: SeenResult) -> bool:
        """Tell whether the condition holds."""
        value = self.value(result)
        if isinstance(value, np.ndarray):
            raise StageError(f"{self._where}: says something of each object; wrap it: count(objects, ...) >= 1")
        return bool(value)

    def selects(self, result: SeenResult) -> NDArray[np.bool_]:
        """Tell of which objects a condition on objects holds, shape (n,)."""
        return np.broadcast_to(np.asarray(self.value(result), bool), (len(result.objects),))

    def _functions(self) -> dict[str, Callable[..., Any]]:
        functions: dict[str, Callable[..., Any]] = {
            "count": self._count, "event": self._event, "score": self._score, "abs": np.abs, "sqrt": np.sqrt,
        }  # fmt: skip
        for name, reduction in _REDUCTIONS.items():
            functions[name] = lambda table, values, reduce=reduction: reduce(values) if len(table) else float("nan")
        return functions

    def _name(self, node: ast.Name) -> Any:
        assert self._result is not None
        frame, objects = self._result.frame, self._result.objects
        match node.id:
            case "objects":
                return objects
            case "klass":
                return class_names(objects)
            case "time_s":
                return (frame.received_ns - self._began[1]) / NS_PER_S
            case name if name in objects:
                return objects[name]
            case "channel":
                return frame.channel
            case name if name in FRAME_NAMES:
                return self._of_frame(name, frame)
        there = ", ".join(objects.columns) or "none"
        raise StageError(f"{self._where}: the plan gives no column {node.id!r}; there are {there}")

    def _of_frame(self, name: str, frame: FrameHeader) -> Any:
        value = getattr(frame, name)
        if value is None:
            why = "it was asked for in between" if ASKED in frame.axes else "this acquisition does not say it"
            raise StageError(f"{self._where}: the frame has no {name!r}: {why}")
        return value

    @staticmethod
    def _count(table: Objects, condition: Any = True) -> int:
        return int(np.count_nonzero(np.broadcast_to(np.asarray(condition), (len(table),))))

    def _event(self, kind: str) -> int:
        assert self._result is not None
        return sum(event.kind == kind for event in self._result.events)

    def _score(self, name: str) -> float:
        assert self._result is not None
        score = self._result.score(name)
        if score is None:
            raise StageError(f"{self._where}: the plan gives no score {name!r}")
        return score


class _ColumnEval(SimpleEval):  # type: ignore[misc]  # simpleeval is not typed
    """Compares and joins columns element by element, where Python's own `and` asks for one truth."""

    def __init__(self, names: Callable[[ast.Name], Any], functions: Mapping[str, Callable[..., Any]]) -> None:
        super().__init__(operators=dict(DEFAULT_OPERATORS), names=names, functions=dict(functions))
        self.nodes[ast.BoolOp] = self._join
        self.operators[ast.Not] = np.logical_not

    def _join(self, node: ast.BoolOp) -> Any:
        join = np.logical_and if isinstance(node.op, ast.And) else np.logical_or
        joined = self._eval(node.values[0])
        for value in node.values[1:]:
            joined = join(joined, self._eval(value))
        return joined


def class_names(objects: Objects) -> NDArray[np.str_]:
    """Return the class of each object by name, "unsure" where the model is; StageError when none was found."""
    if "class" not in objects:
        raise StageError("the plan gives no column 'class'; add a stage `classify`")
    # -1 is unsure: the last name.
    names = np.array([*(name[2:] for name in objects.columns if name.startswith("p_")), UNSURE])
    return np.asarray(names[objects["class"]], np.str_)
