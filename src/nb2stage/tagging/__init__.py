"""A notebook without tags -> a tag for each cell, with the reason, such that it converts."""
