"""Faults, one at a time, while a capture with known truth goes through the whole product on real servers.

`faults` says what is done, `world` is what it is done to, `judge` compares what is found with what is true, and `runs`
puts them together. `python -m tests.chaos` (`make chaos`) prints the table; `soak` and `load` are beside it.
"""
