"""`dataclass`, `field` and `replace` as in the standard library, for classes that cost next to nothing to define.

The standard decorator compiles up to six methods for each class, and its module imports `inspect`: for the classes that
one conversion needs, that was a third of its time.  Here `__init__` alone is compiled, when the first object is made;
the other methods are the same functions for all classes.

Understood is what nb2stage uses: `frozen`, `eq`, and fields with a default or a `default_factory`.  A type checker sees
the standard library's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__all__ = ["dataclass", "field", "replace"]

if TYPE_CHECKING:
    from dataclasses import dataclass, field, replace
else:
    from operator import attrgetter
    from reprlib import recursive_repr

    class _Factory:
        """What `field` leaves in the body of a class."""

        __slots__ = ("make",)

        def __init__(self, make):
            self.make = make

    def field(*, default_factory):
        """A field whose default is made anew for each object."""
        return _Factory(default_factory)

    def replace(record, /, **changes):
        """The record with other values in some of its fields."""
        for name in record.__match_args__:
            if name not in changes:
                changes[name] = getattr(record, name)
        return type(record)(**changes)

    def dataclass(cls=None, /, *, frozen=False, eq=True):
        """Give a class `__init__`, `__repr__`, and as asked for equality, hash and protection from changes."""
        if cls is None:
            return lambda cls: dataclass(cls, frozen=frozen, eq=eq)
        names = tuple(cls.__annotations__)
        factories = {name: cls.__dict__[name].make for name in names if isinstance(cls.__dict__.get(name), _Factory)}
        defaults = {name: cls.__dict__[name] for name in names if name in cls.__dict__ and name not in factories}
        for name in factories:
            delattr(cls, name)
        cls.__match_args__ = names
        cls.__dataclass_fields__ = _Fields()

        def first(self, *args, **kwargs):
            cls.__init__ = _init(cls, names, defaults, factories, frozen)
            cls.__init__(self, *args, **kwargs)

        methods = {"__init__": first, "__repr__": _repr}
        if eq:
            values = _values(names)
            methods |= {"__eq__": _eq(values), "__hash__": (lambda self: hash(values(self))) if frozen else None}
        if frozen:
            methods |= {"__setattr__": _refuse, "__delattr__": _refuse}
        for name, method in methods.items():
            if name not in cls.__dict__:
                setattr(cls, name, method)
        return cls

    def _init(cls, names, defaults, factories, frozen):
        """The `__init__` of a class, compiled."""
        arguments = [
            f"{name}=_default_{name}" if name in defaults else f"{name}=_factory" if name in factories else name
            for name in names
        ]
        given = {
            name: f"_make_{name}() if {name} is _factory else {name}" if name in factories else name for name in names
        }
        line = "_set(self, {!r}, {})" if frozen else "self.{} = {}"
        body = [line.format(name, value) for name, value in given.items()]
        if hasattr(cls, "__post_init__"):
            body.append("self.__post_init__()")
        known = {f"_default_{name}": value for name, value in defaults.items()}
        known |= {f"_make_{name}": make for name, make in factories.items()}
        known |= {"_set": object.__setattr__, "_factory": object()}
        text = f"def __init__({', '.join(['self', *arguments])}):\n " + "\n ".join(body or ["pass"])
        exec(text, known)
        return known["__init__"]

    def _values(names):
        """A function that gives the values of a record, to be compared."""
        if len(names) > 1:
            return attrgetter(*names)
        return lambda record: tuple(getattr(record, name) for name in names)

    def _eq(values):
        def are_equal(one, other):
            return values(one) == values(other) if other.__class__ is one.__class__ else NotImplemented

        return are_equal

    @recursive_repr()
    def _repr(self):
        return (
            f"{type(self).__qualname__}({', '.join(f'{name}={getattr(self, name)!r}' for name in self.__match_args__)})"
        )

    def _refuse(self, name, *_):
        raise AttributeError(f"cannot assign to field {name!r}")

    class _Fields:
        """The fields for functions of the standard library such as `asdict`, made when one asks."""

        def __get__(self, record, cls):
            from dataclasses import make_dataclass

            return make_dataclass(cls.__name__, cls.__match_args__).__dataclass_fields__
