"""A `sitecustomize` for the workers of the stack tests."""
