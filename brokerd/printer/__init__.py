"""The motion host as clients of the broker see it: its state, its status, and the methods that reach it."""
