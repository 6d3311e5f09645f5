"""Bytes in, events out: captures, packets, TCP and HTTP, with no clock, socket, log, thread or setting."""
