"""How fast, how much memory, and how much of the truth: measured on captures the project makes itself."""
