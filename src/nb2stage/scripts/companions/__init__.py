"""Modules that are copied into projects as they stand, for their scripts: they import nothing of nb2stage."""
