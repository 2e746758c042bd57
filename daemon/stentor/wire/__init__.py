"""What travels between processes and how: ring, messages, sockets, rendezvous. Knows no model, plan or microscope."""
