"""Modules that run in the user's processes: in the notebook's kernel, and in the process of each stage.

They are copied there, need nothing but the standard library, and look at numpy, pandas and the like only where the
user's code has imported them: what looks at the values must not change what they are.
"""
