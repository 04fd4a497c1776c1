"""What the motion core must do, written from the formulas in docs/motion.md and nothing else.

Slow, plain and in extended precision (NumPy's longdouble). Nothing here knows how the compiled core
computes anything: shaped and smoothed motion are evaluated by their definitions, kinematics are inverse
functions with their gradients, and one certified root finder serves them all.

  motion      position over time of x, y, z, e: pieces that are quadratic in time
  pulses      the input shapers
  advance     smoothed pressure advance
  geometry    a motor's coordinate from x, y, z
  crossings   turning points, and the times at which a coordinate passes the thresholds of its steps
  agreement   compares them with what a motor was told
"""
