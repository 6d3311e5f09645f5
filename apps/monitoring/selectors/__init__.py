"""Reads of what monitoring shows."""
