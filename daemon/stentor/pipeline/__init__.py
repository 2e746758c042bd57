"""The plan and its runner: which stages see a frame, in which order, how long they take. Knows no socket or disk."""
