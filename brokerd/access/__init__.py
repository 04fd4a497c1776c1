"""Who may ask: trusted addresses, the API key, one-shot tokens, and the origins that browsers may come from."""
