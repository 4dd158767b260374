"""What notebooks import -> lines of requirements.txt: import names are not package names, and versions as installed."""

from __future__ import annotations

import ast
import sys
from collections.abc import Collection, Iterable

from nb2stage.files.requirements import package_names
from nb2stage.knowledge import distribution
from nb2stage.trees import walk


def imported_modules(trees: Iterable[ast.AST]) -> list[str]:
    """The top-level modules that code imports, the standard library left out, in order.

    `import numpy as np` and `from sklearn.svm import SVC` give `numpy`, `sklearn`.
    """
    found: dict[str, None] = {}
    for tree in trees:
        for node in walk(tree):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0]: None for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found[node.module.partition(".")[0]] = None
    return [name for name in found if name not in sys.stdlib_module_names]


def missing_requirements(text: str | None, modules: Collection[str]) -> list[str]:
    """The lines that requirements.txt lacks for these modules: `scikit-learn==1.8.0`; without version if not installed."""
    there = package_names(text or "")
    lines: dict[str, None] = {}
    for module in modules:
        if there.isdisjoint(package_names("\n".join((module, distribution(module))))):
            package, version = _installed(module)
            if there.isdisjoint(package_names(package)):
                lines[f"{package}=={version}" if version else package] = None
    return list(lines)


def _installed(module: str) -> tuple[str, str]:
    """The package that a module comes from, and its version; empty where it is not installed."""
    from importlib import metadata

    for name in (distribution(module), module):
        try:
            found = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue
        return str(found.metadata["Name"]), found.version
    # Slow: it reads the records of all that is installed.
    packages = metadata.packages_distributions().get(module, [])
    if len(set(packages)) == 1:
        return packages[0], metadata.version(packages[0])
    return distribution(module), ""
