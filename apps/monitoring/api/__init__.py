"""The API of monitoring, beside its pages."""
