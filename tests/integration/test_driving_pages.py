"""The pages about scripts and safety, tried on a running rig as a reader would."""

import re
import shlex
import signal
import sys
from pathlib import Path
from typing import Any

from stentor.client.commands import ask
from stentor.core.errors import PublishError

HOW_TO = Path(__file__).resolve().parents[2] / "docs" / "how-to"
SMALL = "pixel_size_um = 0.65\nwidth = 256\nheight = 256\n"


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", (HOW_TO / f"{page}.md").read_text(), re.MULTILINE | re.DOTALL)


def said(rig: Any, *command: str, timeout_s: float = 60) -> str:
    process = rig.spawn(*command)
    out, err = process.communicate(timeout=timeout_s)
    assert process.returncode == 0, err
    return str(out)


def first_results(rig: Any) -> None:
    def look() -> bool:
        try:
            return ask("status", timeout_s=1.0).status.outcomes.result > 0
        except PublishError:
            return False

    rig.wait_for(look)


def ended(rig: Any, process: Any) -> None:
    process.send_signal(signal.SIGINT)
    summary = rig.finish(process, 30)
    assert summary["returncode"] == 0, summary["stderr"]
    assert summary["outcomes"]["failed"] == 0


def test_refusals_are_as_the_page_about_safety_shows_them(rig: Any) -> None:
    (config,), (curious,) = blocks("safety", "toml"), blocks("safety", "python")
    shown, log = blocks("safety", "text")
    stentor = str(Path(sys.executable).parent / "stentor")
    process = rig.start(config + SMALL.replace("pixel_size_um", "[rig.simulated]\npixel_size_um"))
    first_results(rig)

    disarmed = said(rig, sys.executable, "-c", curious).splitlines()
    assert said(rig, stentor, "arm") == "rig default: armed\n"
    armed = said(rig, sys.executable, "-c", curious)
    scripts = [said(rig, sys.executable, "-c", code).splitlines() for code in blocks("drive-from-a-script", "python")]
    assert said(rig, stentor, "disarm") == "rig default: disarmed\n"
    (folder,) = rig.state.rglob("decisions.sqlite")
    lines = said(rig, stentor, "ledger", str(folder.parent), "--decisions").splitlines()
    ended(rig, process)

    assert len(disarmed) == 6
    assert all(line.startswith("refused armed the microscope is disarmed") for line in disarmed)
    assert [line.strip() for line in armed.splitlines()] == shown.splitlines()
    assert scripts[0][1].startswith("done")
    assert scripts[1] == ["refused by x_um - x_um = 5000 is outside -1000 to 1000"]
    assert scripts[2] == ["Phase 20.0"]
    refusal = log.splitlines()[1].partition(" ")[2]
    assert any(line.partition(" ")[2].startswith(refusal) for line in lines)
    assert any(
        re.search(r"my-script on camera/\w+/\d+ move-xy .* done after [\d.]+ ms \(to have a look", x) for x in lines
    )
    assert re.fullmatch(r"\d+ refused, \d+ done", lines[-2])
    assert lines[-1].startswith("from frame to device call: p50 ")


def test_the_commands_of_the_page_about_scripts_drive_the_microscope(rig: Any) -> None:
    mine = rig.folder / "mine"
    typed = [shlex.split(line) for line in blocks("drive-from-a-script", "sh")[0].splitlines()]
    here = {"mine": str(mine), "mine/experiment.py": str(mine / "experiment.py")}
    create, run, arm, script, ledger = ([here.get(word, word) for word in words] for words in typed)
    stentor = str(Path(sys.executable).parent / "stentor")
    assert (create[:2], run[:2], arm, script[0]) == (
        ["stentor", "new"],
        ["stentor", "run"],
        ["stentor", "arm"],
        "python",
    )
    said(rig, stentor, *create[1:])
    file = mine / "experiment.toml"
    # Small images, and patience: this machine may be busy.
    file.write_text(re.sub(r"^pixel_size_um.*\n", SMALL, file.read_text(), flags=re.MULTILINE))
    file.write_text(file.read_text().replace("actions_per_s = 10.0", "max_age_ms = 10000.0\nactions_per_s = 10.0"))
    process = rig.spawn(stentor, *run[1:], "--summary", "json")
    first_results(rig)

    said(rig, stentor, *arm[1:])
    turns = said(rig, sys.executable, script[1])
    decisions = said(rig, stentor, *ledger[1:])
    ended(rig, process)

    assert turns.count("centre: done") == turns.count("acquire: done") == turns.count(": Phase at x = ") == 3, turns
    assert decisions.count("my-script on camera/") == 6
    assert decisions.count(" px large)") == 3
    assert list((mine / "runs").glob("*/ledger.sqlite"))
