"""The rooms of Vault: over a fake on its wire where time must pass, over a real one where it is about the wire."""
