"""A whole experiment without a microscope: on the living specimen, or on a recording, in one process."""
