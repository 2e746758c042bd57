"""What a microscope says of an image, in one form for every backend; starts no core and runs no acquisition."""
