"""TLS on the listening port: certificates of our own authority, or the user's. Imported when first used."""
