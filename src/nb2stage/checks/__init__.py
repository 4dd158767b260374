"""`nb2stage check`: what has to hold for a project in week ten, as rules over its files.

`project` reads the project once; `code`, `pipeline`, `tracked` and `notebooks` hold the rules; `command` runs them,
mends what can be mended safely, and reports.
"""
