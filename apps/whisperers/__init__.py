"""Whisperers: the records behind the agents, their tokens, and who may see what they captured."""
