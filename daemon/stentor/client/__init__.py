"""What users import to receive results: numpy, msgspec and pyzmq only. Knows nothing of models, cameras or disks."""
