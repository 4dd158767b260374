"""A planned stage -> the text of its script."""
