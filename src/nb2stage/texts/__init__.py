"""Texts as such: YAML of which every byte that nobody changes stays, names that are nearly alike, lists in words."""
