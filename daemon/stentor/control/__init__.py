"""Control: what may reach the hardware and when; it knows the vocabulary only, no device, no socket, no file."""
