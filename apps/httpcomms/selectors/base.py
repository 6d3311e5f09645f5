"""What the selectors have in common."""

RESOURCE = "httpcomms"
