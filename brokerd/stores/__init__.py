"""Short memories: temperatures of the last minutes, and the last lines of the console."""
