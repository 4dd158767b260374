"""What people and programs see of a command: streams, colour, progress, reports, exit codes."""
