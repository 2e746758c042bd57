"""Train the shipped models from labelled images. May import inference and core; the only room that imports torch."""
