"""Django's PostgreSQL, behind a breaker."""
