"""The files that clients see: roots, listings, changes, uploads, downloads and what G-code says about itself."""
