"""What every app of the site shares: sign-in, layout, errors, starting of tasks."""
