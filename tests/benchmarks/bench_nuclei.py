"""Nuclei: milliseconds for one image on two CPU threads, network and post-processing apart.

Run: python tests/benchmarks/bench_nuclei.py
"""

from stentor.inference.repository import find_model
from stentor.train.speed import processor, time_model

RUNS = 50
THREADS = 2


def main() -> None:
    folder = find_model("nuclei")
    print(f"{processor()}, {THREADS} threads, {folder.card.identity}, CPUExecutionProvider, n = {RUNS}")
    for precision in folder.card.precisions:
        for row in time_model(folder, runs=RUNS, threads=THREADS, precision=precision):
            height, width = row.shape_yx
            print(
                f"{height:5} x {width:<5} {row.nuclei:4} nuclei {row.precision:7} {row.step:16} "
                f"median {row.median_ms:7.1f} ms, p99 {row.p99_ms:7.1f} ms"
            )


if __name__ == "__main__":
    main()
