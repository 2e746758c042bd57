"""Grammar: what may be written in a condition, and where in it a fault lies."""

import ast
import difflib
import io
import re
import tokenize
from typing import Final, NoReturn

from stentor.core.errors import ConfigError

LONGEST: Final = 1000
TABLE: Final = "objects"
CLASS: Final = "klass"
"""What `class` becomes before Python's parser sees it; as long, so that positions stay right."""

FRAME_NAMES: Final = ("t", "c", "z", "p", "channel", "exposure_ms", "time_s")
TEXTS: Final = (CLASS, "channel")
"""Names of words; all others are numbers, for no column of words could travel."""

REDUCTIONS: Final = ("mean", "median", "min", "max", "sum")
OF_NUMBERS: Final = (*REDUCTIONS, "abs", "sqrt")
CALCULATED: Final = "nothing can be calculated with a text: numbers stand without quotes"
FUNCTIONS: Final = ("count", *REDUCTIONS, "event", "score", "abs", "sqrt")

_ALLOWED: Final = (
    ast.Expression, ast.expr_context, ast.operator, ast.unaryop, ast.boolop, ast.cmpop, ast.Name, ast.Constant,
    ast.Call, ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare,
)  # fmt: skip
_INSTEAD: Final = {
    ast.Attribute: "no dots: a column stands by itself inside of count(objects, ...)",
    ast.Tuple: "one value at a time: p == 1 or p == 2",
    ast.List: "one value at a time: p == 1 or p == 2",
    ast.Subscript: "no square brackets: a column stands by itself inside of count(objects, ...)",
    ast.keyword: "to compare, write ==",
    ast.NamedExpr: "to compare, write ==",
    ast.BitAnd: "to join conditions, write `and`",
    ast.BitOr: "to join conditions, write `or`",
    ast.Invert: "to turn a condition round, write `not`",
}
"""What to write for what people write who know other languages."""

_SINGLE_EQUALS: Final = re.compile(r"(?<![=<>!])=(?!=)")


def parse(text: str, *, where: str, of_objects: bool) -> ast.expr:
    """Return the tree of a condition.

    Parameters
    ----------
    where
        What the text belongs to, for messages.
    of_objects
        The text says something of each object: names are columns without `count(objects, ...)` around it.

    Raises
    ------
    ConfigError
        If the text is no condition, or names what cannot be known; the message points at the fault.
    """
    if len(text) > LONGEST:
        raise ConfigError(f"{where}: an expression of {len(text)} characters; at most {LONGEST}")
    return _Reader(text, where).read(of_objects=of_objects)


def point_at(text: str, where: str, at: int, said: str) -> NoReturn:
    """Raise ConfigError with what is wrong at a position of a text, and the text with a mark under it."""
    at = max(0, min(at, len(text)))
    raise ConfigError(f"{where}: {said}\n    {text}\n    {' ' * at}^ character {at + 1}") from None


class _Reader:
    def __init__(self, text: str, where: str) -> None:
        self._text = text
        self._where = where

    def read(self, *, of_objects: bool) -> ast.expr:
        try:
            tree = ast.parse(_without_keyword(self._text), mode="eval")
        except (SyntaxError, tokenize.TokenError) as err:
            at = err.offset if isinstance(err, SyntaxError) and err.offset else len(self._text)
            if (single := _SINGLE_EQUALS.search(self._text)) is not None:
                self._refuse(single.start(), _INSTEAD[ast.keyword])
            self._refuse(at - 1, "this is no expression; the like of: count(objects, area_um2 > 200) >= 3")
        self._check(tree, 0)
        self._check_names(tree.body, is_inside=of_objects)
        for node in ast.walk(tree.body):
            self._check_kinds(node)
        return tree.body

    def _check(self, node: ast.AST, at: int) -> None:
        at = getattr(node, "col_offset", at)
        if type(node) in _INSTEAD:
            self._refuse(at, _INSTEAD[type(node)])
        if isinstance(node, ast.Call) and not (isinstance(node.func, ast.Name) and node.func.id in FUNCTIONS):
            self._refuse(at, f"no such function; {_nearest_function(node.func)}")
        if not isinstance(node, _ALLOWED):
            self._refuse(
                at, "only names, numbers, words in quotes, functions, comparisons, + - * / and `and` `or` `not`"
            )
        # The parts first: `a & b > 1` is one comparison too many only because of the sign in it.
        for child in ast.iter_child_nodes(node):
            self._check(child, at)
        if isinstance(node, ast.Compare) and len(node.ops) > 1:
            self._refuse(at, "one comparison at a time: a < b and b < c")

    def _check_names(self, node: ast.AST, *, is_inside: bool) -> None:
        if isinstance(node, ast.Call):
            self._check_call(node, is_inside=is_inside)
            return
        if isinstance(node, ast.Name) and not is_inside and node.id not in FRAME_NAMES:
            name = "class" if node.id == CLASS else node.id
            self._refuse(
                node.col_offset,
                f"{name!r} is no property of the frame ({', '.join(FRAME_NAMES)}); of objects say count(objects, ...)",
            )
        for child in ast.iter_child_nodes(node):
            self._check_names(child, is_inside=is_inside)

    def _check_call(self, node: ast.Call, *, is_inside: bool) -> None:
        assert isinstance(node.func, ast.Name)
        name, given = node.func.id, node.args
        if name == "count" or name in REDUCTIONS:
            if not given or not (isinstance(given[0], ast.Name) and given[0].id == TABLE):
                self._refuse(node.col_offset, f"{name}() begins with the table: {name}(objects, ...)")
            if len(given) > 2 or (len(given) < 2 and name != "count"):
                self._refuse(node.col_offset, f"{name}() takes the table and one expression")
            for argument in given[1:]:
                self._check_names(argument, is_inside=True)
        elif len(given) != 1:
            self._refuse(node.col_offset, f"{name}() takes one value")
        elif name in ("event", "score"):
            if not (isinstance(given[0], ast.Constant) and isinstance(given[0].value, str)):
                self._refuse(node.col_offset, f"{name}() takes a name in quotes")
        else:
            self._check_names(given[0], is_inside=is_inside)

    def _check_kinds(self, node: ast.AST) -> None:
        """Refuse a text where only a number can be, which numpy would at the first result, and `==` never."""
        match node:
            case ast.Compare(left=left, comparators=[right]) if _is_text(left) != _is_text(right):
                at = next((side for side in (left, right) if isinstance(side, ast.Constant)), right)
                self._refuse(
                    at.col_offset, "a number is compared with a text: numbers stand without quotes, words in quotes"
                )
            case ast.BinOp(left=left, right=right) if _is_text(left) or _is_text(right):
                self._refuse((left if _is_text(left) else right).col_offset, CALCULATED)
            case ast.Call(func=ast.Name(id=name), args=[*_, last]) if name in OF_NUMBERS and _is_text(last):
                self._refuse(last.col_offset, CALCULATED)

    def _refuse(self, at: int, said: str) -> NoReturn:
        point_at(self._text, self._where, at, said)


def _is_text(node: ast.AST) -> bool:
    match node:
        case ast.Constant(value=str()):
            return True
        case ast.Name(id=name):
            return name in TEXTS
        case _:
            return False


def _nearest_function(function: ast.expr) -> str:
    nearest = difflib.get_close_matches(function.id, FUNCTIONS, 1) if isinstance(function, ast.Name) else []
    return f"did you mean {nearest[0]}()?" if nearest else f"there are {', '.join(FUNCTIONS)}"


def _without_keyword(text: str) -> str:
    """Return the text with `class` replaced outside of quotes, everything else where it was."""
    characters = list(text)
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.NAME and token.string == "class" and token.start[0] == 1:
            characters[token.start[1] : token.end[1]] = CLASS
    return "".join(characters)
