"""The daemon's front door: frames come in, are entered in the ledger and wait their turn. Knows no model or disk."""
