"""The wire to an MCU: blocks, sequence numbers, message formats, and the compiled I/O thread."""
