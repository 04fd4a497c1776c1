"""The host's view of micro-controllers: connection, clock, configuration, pins and what is at them."""
