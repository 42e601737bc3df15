"""What is known of kernels on a machine without a GPU."""
