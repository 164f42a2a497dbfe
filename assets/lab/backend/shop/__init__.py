"""The shop: tenants with accounts, orders and a ledger, over HTTP. What Rev1 runs, and what is migrated."""
