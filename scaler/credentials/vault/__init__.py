"""HashiCorp Vault, and what speaks its HTTP API: `server` asks, `login` has the token, `secrets` what is read with it,
`room` puts them together. Vault's public API documentation is the source of every path and field here."""
