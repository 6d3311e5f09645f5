"""Tests mirror the tree; real servers come from fixtures in `conftest.py`."""
