"""The files that clients see: roots, listings, changes, transfers, and what G-code says about itself."""
