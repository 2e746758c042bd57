"""Expression: a condition on a result, written by people who do not program, checked before the first frame.

`count(objects, class == 'mitotic') >= 1`, `event('division')`, `mean(objects, area_um2) > 200 and score('focus') > 3`.
Evaluated by simpleeval: no statement, attribute or import gets through, and columns are compared as arrays.
"""

import ast
import io
import tokenize
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from simpleeval import DEFAULT_OPERATORS, InvalidExpression, SimpleEval

from stentor.core.clock import NS_PER_S
from stentor.core.controller import SeenResult
from stentor.core.errors import ConfigError, StageError
from stentor.core.finding import Objects

LONGEST: Final = 1000
TABLE: Final = "objects"
CLASS: Final = "klass"
"""What `class` becomes before Python's parser sees it; as long, so that positions stay right."""

FRAME_NAMES: Final = ("t", "c", "z", "p", "channel", "exposure_ms", "time_s")
REDUCTIONS: Final[Mapping[str, Callable[[NDArray[Any]], Any]]] = {
    "mean": np.mean, "median": np.median, "min": np.min, "max": np.max, "sum": np.sum,
}  # fmt: skip
FUNCTIONS: Final = ("count", *REDUCTIONS, "event", "score", "abs", "sqrt")


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
        if len(text) > LONGEST:
            raise ConfigError(f"{where}: an expression of {len(text)} characters; at most {LONGEST}")
        self._tree = self._parse(text, of_objects=of_objects)
        self._evaluator = _ColumnEval(self._name, self._functions())

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
        except (InvalidExpression, KeyError, TypeError, ValueError, ZeroDivisionError) as err:
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

    # --- before the first frame -------------------------------------------------------------------------------------

    def _parse(self, text: str, *, of_objects: bool) -> ast.expr:
        try:
            tree = ast.parse(_without_keyword(text), mode="eval")
        except (SyntaxError, tokenize.TokenError) as err:
            at = err.offset if isinstance(err, SyntaxError) and err.offset else len(text)
            raise self._fault(
                at - 1, "this is no expression; the like of: count(objects, area_um2 > 200) >= 3"
            ) from err
        for node in ast.walk(tree):
            self._check(node)
        self._check_names(tree.body, is_inside=of_objects)
        return tree.body

    def _check(self, node: ast.AST) -> None:
        allowed = (
            ast.Expression, ast.expr_context, ast.operator, ast.unaryop, ast.boolop, ast.cmpop, ast.Name, ast.Constant,
            ast.Call, ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare,
        )  # fmt: skip
        if isinstance(node, ast.keyword):
            raise self._fault(node.col_offset, "to compare, write ==")
        if isinstance(node, ast.Compare) and len(node.ops) > 1:
            raise self._fault(node.col_offset, "one comparison at a time: a < b and b < c")
        if not isinstance(node, allowed):
            raise self._fault(getattr(node, "col_offset", 0), f"{type(node).__name__} is not allowed here")
        if isinstance(node, ast.Call) and not (isinstance(node.func, ast.Name) and node.func.id in FUNCTIONS):
            raise self._fault(node.col_offset, f"no such function; there are {', '.join(FUNCTIONS)}")

    def _check_names(self, node: ast.AST, *, is_inside: bool) -> None:
        if isinstance(node, ast.Call):
            self._check_call(node)
            return
        if isinstance(node, ast.Name) and not is_inside and node.id not in FRAME_NAMES:
            name = "class" if node.id == CLASS else node.id
            raise self._fault(
                node.col_offset,
                f"{name!r} is no property of the frame ({', '.join(FRAME_NAMES)}); of objects say count(objects, ...)",
            )
        for child in ast.iter_child_nodes(node):
            self._check_names(child, is_inside=is_inside)

    def _check_call(self, node: ast.Call) -> None:
        assert isinstance(node.func, ast.Name)
        name, given = node.func.id, node.args
        if name == "count" or name in REDUCTIONS:
            if not given or not (isinstance(given[0], ast.Name) and given[0].id == TABLE):
                raise self._fault(node.col_offset, f"{name}() begins with the table: {name}(objects, ...)")
            if len(given) > 2 or (len(given) < 2 and name != "count"):
                raise self._fault(node.col_offset, f"{name}() takes the table and one expression")
            for argument in given[1:]:
                self._check_names(argument, is_inside=True)
        elif len(given) != 1:
            raise self._fault(node.col_offset, f"{name}() takes one value")
        elif name in ("event", "score"):
            if not (isinstance(given[0], ast.Constant) and isinstance(given[0].value, str)):
                raise self._fault(node.col_offset, f"{name}() takes a name in quotes")
        else:
            self._check_names(given[0], is_inside=False)

    def _fault(self, at: int, said: str) -> ConfigError:
        at = max(0, min(at, len(self._text)))
        return ConfigError(f"{self._where}: {said}\n    {self._text}\n    {' ' * at}^ character {at + 1}")

    # --- for every result -------------------------------------------------------------------------------------------

    def _functions(self) -> dict[str, Callable[..., Any]]:
        functions: dict[str, Callable[..., Any]] = {
            "count": self._count, "event": self._event, "score": self._score, "abs": np.abs, "sqrt": np.sqrt,
        }  # fmt: skip
        for name, reduction in REDUCTIONS.items():
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
            case name if name in FRAME_NAMES:
                return getattr(frame, name)
        there = ", ".join(objects.columns) or "none"
        raise StageError(f"{self._where}: the plan gives no column {node.id!r}; there are {there}")

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
    names = np.array([*(name[2:] for name in objects.columns if name.startswith("p_")), "unsure"])
    return np.asarray(names[objects["class"]], np.str_)


def _without_keyword(text: str) -> str:
    """Return the text with `class` replaced outside of quotes, everything else where it was."""
    characters = list(text)
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.NAME and token.string == "class" and token.start[0] == 1:
            characters[token.start[1] : token.end[1]] = CLASS
    return "".join(characters)
