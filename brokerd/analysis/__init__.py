"""How long a G-code file prints: asked of the composition root's exact simulation, which is a program."""
