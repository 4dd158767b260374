"""The files of a project: dvc.yaml, params.yaml and the others, merged with what the user wrote, written all or none."""
