"""The vocabulary every room shares: frames, findings, outcomes, clocks, errors. Knows no file, socket, model or camera."""
