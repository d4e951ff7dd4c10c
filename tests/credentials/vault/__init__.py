"""The rooms of Vault, over a Vault in memory that speaks its wire (`fake.py`)."""
