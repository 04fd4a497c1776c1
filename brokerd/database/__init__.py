"""What the broker remembers: one SQLite file, used from one thread of its own."""
