"""Objects: training of models that judge objects one by one. Knows crops, classes and calibration, and no file format
but that of its data sets."""
