"""Search of HTTP communications: the API and the screens."""
