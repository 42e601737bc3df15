"""Networks that write sentences about pictures."""
