"""What the broker does for other devices and programs: each a configured section, each able to fail alone.

- L{brokerd.integrations.kinds}: which sections there are, and which module serves each; imported when needed.
- L{brokerd.integrations.house}: builds, starts and stops what is configured, and says what failed.
- one module or room for each kind.
"""
