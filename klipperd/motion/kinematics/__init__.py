"""Kinematics: how motors are joined to x, y and z. One module per kind; L{base} says what they share."""
