"""Other projects' captures with their own answers, read by ours; every difference is explained by name."""
