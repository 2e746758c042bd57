"""Expression: what one evaluation costs with 500 objects, beside the libraries that were considered.

Run: python tests/benchmarks/bench_expression.py
The others are timed where they are installed: pip install numexpr asteval cel-python common-expression-language
"""

import importlib
import platform
import time
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import numpy as np

from stentor.control.expression import Expression
from stentor.core.finding import Event, Objects
from stentor.core.frame import FrameHeader, FrameId

OBJECTS = 500
RNG = np.random.default_rng(0)
TEXTS = (
    "count(objects, area_um2 > 100 and x_um < 50) >= 3",
    "count(objects, class == 'mitotic' and probability > 0.8) >= 1",
    "mean(objects, area_um2) > 200 and score('focus') > 3 and not event('division')",
)
IN_CEL = "objects.filter(o, o.area_um2 > 100.0 && o.x_um < 50.0).size() >= 3"


class Seen:
    """A result with many objects of three classes."""

    frame = FrameHeader(
        frame_id=FrameId("camera", "r", 3), shape_yx=(64, 64), dtype="uint16", received_ns=5, clock_id="c", t=3
    )
    objects = Objects(
        {
            "label": np.arange(1, OBJECTS + 1, dtype=np.int32),
            "area_um2": RNG.uniform(20, 300, OBJECTS).astype(np.float32),
            "x_um": RNG.uniform(-100, 100, OBJECTS),
            "class": RNG.integers(-1, 2, OBJECTS).astype(np.int32),
            "probability": RNG.uniform(0.3, 1, OBJECTS).astype(np.float32),
            "p_interphase": np.zeros(OBJECTS, np.float32),
            "p_mitotic": np.zeros(OBJECTS, np.float32),
        }
    )
    events = (Event("division", "track 3 divided"),)
    models: ClassVar[dict[str, Any]] = {}
    is_late = False
    labels = None

    def score(self, name: str) -> float | None:
        return {"focus": 4.0}.get(name)

    def image(self, name: str) -> None:
        return None


def times_ms(work: Callable[[], Any], n: int) -> np.ndarray:
    work()
    spent_ms = []
    for _ in range(n):
        start = time.perf_counter()
        work()
        spent_ms.append(1e3 * (time.perf_counter() - start))
    return np.array(spent_ms)


def rivals() -> Iterator[tuple[str, Callable[[], Any], int]]:
    """Yield each other library that is installed, doing the first condition."""
    area, x = Seen.objects["area_um2"], Seen.objects["x_um"]

    def rows() -> list[dict[str, float]]:  # CEL knows no columns: every object is a mapping of its own
        return [{"area_um2": a, "x_um": b} for a, b in zip(area.tolist(), x.tolist(), strict=True)]

    for name in ("numexpr", "asteval", "celpy", "cel"):
        try:
            library = importlib.import_module(name)
        except ImportError:
            continue
        if name == "numexpr":
            columns = {"area": area, "x": x}
            yield name, lambda: np.count_nonzero(library.evaluate("(area > 100) & (x < 50)", columns)) >= 3, 2000  # noqa: B023
        elif name == "asteval":
            interpreter = library.Interpreter(minimal=True, use_numpy=False)
            interpreter.symtable.update(area=area, x=x, count=np.count_nonzero)
            yield name, lambda: interpreter("count((area > 100) & (x < 50)) >= 3"), 2000  # noqa: B023
        elif name == "celpy":
            environment = library.Environment()
            program = environment.program(environment.compile(IN_CEL))
            yield "cel-python", lambda: program.evaluate({"objects": library.json_to_cel(rows())}), 20  # noqa: B023
        else:
            compiled = library.compile(IN_CEL)
            yield "common-expression-language", lambda: compiled.execute({"objects": rows()}), 100  # noqa: B023


def main() -> None:
    print(f"{platform.processor() or platform.machine()}, Python {platform.python_version()}, {OBJECTS} objects")
    rows = []
    for text in TEXTS:
        expression = Expression(text, where="when")
        rows.append((text, times_ms(lambda: expression.is_true(Seen()), 2000)))  # noqa: B023
    rows += [(name, times_ms(work, n)) for name, work, n in rivals()]
    for name, spent_ms in rows:
        p50, p99 = np.percentile(spent_ms, [50, 99])
        print(f"median {p50:8.3f}  p99 {p99:8.3f} ms  n = {len(spent_ms):<5} {name}")


if __name__ == "__main__":
    main()
