"""What is kept on disk: the ledger. Knows no socket, model or microscope."""
