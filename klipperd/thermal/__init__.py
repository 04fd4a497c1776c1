"""Heat without hardware: what a sensor's voltage means, how a heater is controlled, and when one has failed.

Pure functions and small state machines; no MCU, reactor or clock. L{klipperd.printer.heaters} drives them.
"""
