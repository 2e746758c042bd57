"""Bring the largest nucleus to the middle, take a phase image of it, and say what the microscope answered."""

import stentor
from stentor.core.action import Receipt

TURNS = 3


def say(what: str, receipt: Receipt) -> None:
    """Print what became of a request: done, refused with the guard's rule, or failed with the device's words."""
    print(f"{what}: {receipt.verdict} {receipt.rule} {receipt.text}".strip())


def main() -> None:
    """Decide on the newest result, act, and wait for the image that was asked for."""
    with stentor.connect(controller="my-script") as microscope:
        for turn in range(TURNS):
            result = microscope.wait_for(timeout_s=60.0)  # the model may still be warming up
            cells = result.objects
            if not len(cells):
                print(f"turn {turn}: no nucleus in {result.frame.frame_id}")
                continue
            largest = int(cells["area_px"].argmax())
            y_px, x_px = float(cells["y_px"][largest]), float(cells["x_px"][largest])
            moved = microscope.centre(result, y_px, x_px, reason=f"{cells['area_px'][largest]:.0f} px large")
            say(f"turn {turn}: centre", moved)

            phase = {"channel": {"config": "Phase", "group": "Channel"}, "exposure": 20.0}
            asked = microscope.acquire(phase, because=result, reason="a phase image of the largest")
            say(f"turn {turn}: acquire", asked)
            if asked.is_done:
                image = microscope.wait_for({"asked": int(asked.read_back["asked"])}, timeout_s=10.0)
                print(f"turn {turn}: {image.frame.channel} at x = {image.frame.stage.x_um:.1f} um")


if __name__ == "__main__":
    main()
