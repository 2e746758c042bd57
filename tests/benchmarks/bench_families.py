"""Families: one small network, one training, and what each family of post-processors makes of its maps.

The network is that of `families_network.py`, the images are the validation side of the split, shown at a mean diameter
of 26 px (known from the truth, so that no family's search for the scale counts). Times are of post-processing alone.

Run: python tests/benchmarks/bench_families.py DATA_FOLDER [MODEL.onnx]
"""

import sys
import time
from pathlib import Path

import cv2
import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from stentor.inference.network_input import padded_shape, reflect
from stentor.inference.normalise import compress
from stentor.inference.postprocess import post_processor
from stentor.train.accuracy import OVERLAPS, average_precision
from stentor.train.nuclei_data import Specimen, load_specimens
from stentor.train.settings import NUCLEI_SETS, TrainSettings
from stentor.train.speed import processor
from stentor.train.split import Part

MODEL = Path(__file__).resolve().parents[1] / "data" / "families.onnx"
DIAMETER_PX = 26.0
SIZE_MULTIPLE = 16

FAMILIES: dict[str, tuple[list[int], dict[str, float]]] = {
    "threshold-components": ([0], {}),
    "distance-watershed": ([0, 4], {"distance_channel": 1}),
    "centre-offset-voting": ([0, 1, 2, 3], {"foreground": 0.5}),
    "stardist-polygons": ([7, *range(8, 40)], {}),
    "cellpose-flows": ([5, 6, 0], {}),
}
"""Name: the network's channels in the order in which the post-processor reads them, and its parameters."""


def maps_of(session: ort.InferenceSession, scaled_yx: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the network's maps, (40, Y, X), of a plane that is scaled by its percentiles."""
    rows, columns = scaled_yx.shape
    image = np.zeros(padded_shape((rows, columns), SIZE_MULTIPLE), np.float32)
    compress(scaled_yx, out=image[:rows, :columns])
    reflect(image, rows, columns)
    answer: NDArray[np.float32] = session.run(None, {"image": image[None, None]})[0][0, :, :rows, :columns]
    return answer


def at_scale(specimen: Specimen) -> NDArray[np.float32]:
    """Return the plane enlarged or shrunk so that its objects are `DIAMETER_PX` wide on average."""
    scale = DIAMETER_PX / (specimen.objects.mean_diameter_px or DIAMETER_PX)
    height, width = (max(16, round(side * scale)) for side in specimen.scaled_yx.shape)
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(specimen.scaled_yx, (width, height), interpolation=way), np.float32)


def main(data: str, model: Path) -> None:
    cv2.setNumThreads(1)
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    specimens = load_specimens(TrainSettings(data=data, out="", scratch="", sets=NUCLEI_SETS[:2]))
    watched = [specimen for specimen in specimens if specimen.part is Part.VALIDATION]
    precision: dict[str, list[NDArray[np.float64]]] = {name: [] for name in FAMILIES}
    spent_ms: dict[str, list[float]] = {name: [] for name in FAMILIES}
    for specimen in watched:
        maps = maps_of(session, at_scale(specimen))
        truth = specimen.labels_yx.astype(np.int32)
        for name, (channels, parameters) in FAMILIES.items():
            own = np.ascontiguousarray(maps[channels])
            process = post_processor(name, parameters)
            begun = time.perf_counter()
            labels = process(own)
            spent_ms[name].append(1e3 * (time.perf_counter() - begun) / (labels.size / 512**2))
            size = (truth.shape[1], truth.shape[0])
            grown = cv2.resize(labels.astype(np.float32), size, interpolation=cv2.INTER_NEAREST_EXACT)
            precision[name].append(average_precision(grown.astype(np.int32), truth))
    print(f"{processor()}, one thread, {len(watched)} images, {model.name} ({model.stat().st_size // 1000} kB)\n")
    print("| post-processor | " + " | ".join(f"AP {overlap:g}" for overlap in OVERLAPS) + " | ms per 512 x 512 |")
    print("| --- | --- | --- | --- | --- |")
    for name, rows in precision.items():
        means = " | ".join(f"{value:.3f}" for value in np.mean(rows, axis=0))
        print(f"| {name} | {means} | {np.median(spent_ms[name]):.1f} |")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]) if len(sys.argv) > 2 else MODEL)
