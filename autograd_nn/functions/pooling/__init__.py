"""Windows of images become numbers, and numbers windows."""
