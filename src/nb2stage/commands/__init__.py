"""The commands of nb2stage, a module each: its options, `register`ed, and what it does with them."""
