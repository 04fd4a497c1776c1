"""Who may ask: trusted addresses, the API key, one-shot tokens, origins that browsers may come from."""
