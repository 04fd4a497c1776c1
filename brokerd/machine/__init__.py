"""The computer that the printer's software runs on."""
