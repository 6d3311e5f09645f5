"""The Django apps: the site, its API and its screens."""
