"""What networks of several tasks are built from."""
