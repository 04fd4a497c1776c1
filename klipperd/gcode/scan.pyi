"""Compiled scanner of G-code lines; it has no Python face (see lexer.pyi)."""
