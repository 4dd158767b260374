"""The bytes of a notebook -> cells with their roles, as plain Python."""
