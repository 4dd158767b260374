"""The pipeline and its experiments to look at: tables, pictures, one page."""
