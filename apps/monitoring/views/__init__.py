"""Pages of the health of everything: where packets are, what was put aside, what is read again, servers and storage."""
