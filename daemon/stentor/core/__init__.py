"""The vocabulary every room shares: frames, findings, outcomes, clocks. Knows no file, socket, model or camera."""
