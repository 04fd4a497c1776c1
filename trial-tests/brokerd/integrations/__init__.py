"""Integrations, against real servers where a registry has one, else small fakes at the wire."""
