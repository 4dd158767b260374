"""The project around a notebook: its folder and settings, its notebooks, what is installed, what its user was told."""
