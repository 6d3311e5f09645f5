"""The REST API of whisperers. A view finds its whisperer, asks `rights.require`, and calls a service or a selector."""
