"""What is plugged in: USB, serial ports, cameras and CAN, as the kernel shows it. Blocks: worker threads."""
