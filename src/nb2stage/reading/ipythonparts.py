"""Modules of IPython without IPython: the package's own `__init__` loads the whole shell, a hundred modules."""

from __future__ import annotations

import importlib
import sys
from functools import cache
from importlib.machinery import PathFinder
from types import ModuleType
from typing import Any, Final

_PACKAGE: Final = "IPython"


def ipython_part(name: str) -> Any:
    """A module of IPython by its full name: the one that is there already, else one that is loaded alone."""
    if _PACKAGE in sys.modules:
        return importlib.import_module(name)
    try:
        return _alone(name)
    except (ImportError, AttributeError):  # of a version whose module needs what the package does when it is imported
        return importlib.import_module(name)


@cache
def _alone(name: str) -> ModuleType:
    """The module, loaded below a stand-in for the package; whoever imports IPython afterwards finds nothing of this."""
    spec = PathFinder.find_spec(_PACKAGE)
    if spec is None or spec.submodule_search_locations is None:
        raise ModuleNotFoundError(name)
    standin = ModuleType(_PACKAGE)
    standin.__path__ = list(spec.submodule_search_locations)
    sys.modules[_PACKAGE] = standin
    try:
        return importlib.import_module(name)
    finally:
        for each in [each for each in sys.modules if each.partition(".")[0] == _PACKAGE]:
            del sys.modules[each]
