"""A recording as a source of frames: TIFF, OME-TIFF, NDTiff, a folder of images. Knows no core and no engine."""
