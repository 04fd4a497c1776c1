"""Several printers by one broker: docs/printers.md.

- L{brokerd.printers.config}: the sections C{[printer NAME]}, and what belongs to whom.
- L{brokerd.printers.running}: one printer, started and stopped.
- L{brokerd.printers.methods}: the list of printers, and news of it.
"""
