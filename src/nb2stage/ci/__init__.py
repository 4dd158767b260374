"""`nb2stage ci`: a workflow that runs the pipeline for each change and reports what the change does to its results.

`blocks` holds the shell and Python that both services run, `workflows` the files around them, `command` the command.
"""
