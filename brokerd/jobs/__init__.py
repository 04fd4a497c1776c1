"""Print jobs: noticing when one begins and ends, their history, and the queue of those to come."""
