"""The state at a position as a file, and the process that writes it."""
