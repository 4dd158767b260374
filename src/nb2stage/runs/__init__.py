"""The notebook and its pipeline, executed: `run` and `verify`."""
