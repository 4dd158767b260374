"""Which names a function, lambda, comprehension or class body binds, and which it takes from outside."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from typing import Final

from nb2stage.records import dataclass, field
from nb2stage.trees import walk, walk_from_the_top

ScopeNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


@dataclass
class Scope:
    """The names of one function or class body: bound in it, declared `global`, declared `nonlocal`."""

    node: ast.AST
    bound: set[str] = field(default_factory=set)
    global_names: set[str] = field(default_factory=set)
    nonlocal_names: set[str] = field(default_factory=set)
    is_class: bool = False
    is_generator: bool = False

    @property
    def local_names(self) -> set[str]:
        """Names that live in this scope."""
        return self.bound - self.global_names - self.nonlocal_names


def parameters(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> list[ast.arg]:
    """All parameters in the order of the signature, `*args` and `**kwargs` included."""
    a = node.args
    rest = [a.vararg] if a.vararg else []
    keywords = [a.kwarg] if a.kwarg else []
    return [*a.posonlyargs, *a.args, *rest, *a.kwonlyargs, *keywords]


@cache
def scope_of(node: ScopeNode) -> Scope:
    """The scope that a function, lambda or class opens."""
    scope = Scope(node, is_class=isinstance(node, ast.ClassDef))
    if isinstance(node, FUNCTIONS):
        scope.bound.update(arg.arg for arg in parameters(node))
    body = [node.body] if isinstance(node, ast.Lambda) else node.body
    for child in body:
        _collect(child, scope)
    return scope


def _collect(node: ast.AST, scope: Scope, in_comprehension: bool = False) -> None:
    """Add the names that `node` binds in `scope`; nested scopes bind nothing here, a walrus in a comprehension does."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        scope.bound.add(node.name)
        for outer in _evaluated_outside(node):
            _collect(outer, scope)
        return
    if isinstance(node, ast.Lambda):
        for default in [*node.args.defaults, *node.args.kw_defaults]:
            if default is not None:
                _collect(default, scope)
        return
    if isinstance(node, ast.NamedExpr):
        scope.bound.add(node.target.id)
        _collect(node.value, scope, in_comprehension)
        return
    if not in_comprehension or not isinstance(node, ast.Name):
        scope.bound.update(bound_names(node))
    if isinstance(node, ast.Global):
        scope.global_names.update(node.names)
    elif isinstance(node, ast.Nonlocal):
        scope.nonlocal_names.update(node.names)
    elif isinstance(node, ast.Yield | ast.YieldFrom):
        scope.is_generator = True
    inside = in_comprehension or isinstance(node, COMPREHENSIONS)
    for child in ast.iter_child_nodes(node):
        _collect(child, scope, inside)


def _evaluated_outside(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> Iterator[ast.AST]:
    yield from node.decorator_list
    if isinstance(node, ast.ClassDef):
        yield from node.bases
        yield from node.keywords
    else:
        yield from node.args.defaults
        yield from (default for default in node.args.kw_defaults if default is not None)


def bound_names(node: ast.AST) -> Iterator[str]:
    """The names that this very node binds: `x` of a store, the alias of an import, `e` of `except E as e`, captures."""
    if isinstance(node, ast.Name):
        if not isinstance(node.ctx, ast.Load):
            yield node.id
    elif isinstance(node, ast.Import | ast.ImportFrom):
        for alias in node.names:
            yield alias.asname or alias.name.split(".")[0]
    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar):
        if node.name:
            yield node.name
    elif isinstance(node, ast.MatchMapping) and node.rest:
        yield node.rest


def top_level_names(statement: ast.stmt) -> set[str]:
    """The names that a statement at the top level may bind in the notebook's namespace, functions not called."""
    scope = Scope(statement)
    _collect(statement, scope)
    return scope.bound


@cache
def free_names(node: ScopeNode) -> frozenset[str]:
    """The global names that a function or class body may look up when it runs, nested functions included."""
    found: set[str] = set()
    _free(node, (), found)
    return frozenset(found)


@cache
def only_derives(node: ast.stmt, name: str) -> bool:
    """Whether a class uses a name for a base class or metaclass, and its body asks nothing of it before it is called."""
    if not isinstance(node, ast.ClassDef):
        return False
    heads = [*node.bases, *(keyword.value for keyword in node.keywords)]
    asked: list[ast.AST] = [*node.decorator_list]
    for part in node.body:
        if isinstance(part, FUNCTIONS):
            asked += [*part.decorator_list, *part.args.defaults, *(d for d in part.args.kw_defaults if d is not None)]
        else:
            asked.append(part)
    inside = {part.id for each in asked for part in walk(each) if isinstance(part, ast.Name)}
    return name not in inside and any(isinstance(head, ast.Name) and head.id == name for head in heads)


def plain_defaults(node: ast.stmt) -> set[str]:
    """The names that a function definition uses for nothing but as the default of a parameter: `b` of `def f(a=b)`.

    Whatever such a name refers to when the function is defined again, its defaults can be put back afterwards.
    """
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return set()
    defaults = [d for d in [*node.args.defaults, *node.args.kw_defaults] if isinstance(d, ast.Name)]
    arguments = [a.annotation for a in parameters(node) if a.annotation is not None]
    others = [part for part in [*_evaluated_outside(node), *arguments, node.returns] if part and part not in defaults]
    return {d.id for d in defaults} - {n.id for part in others for n in walk(part) if isinstance(n, ast.Name)}


@cache
def certain_reads(node: ast.stmt) -> frozenset[str]:
    """The names that a statement certainly looks up when it runs without an error: not those of branches and bodies."""
    found: set[str] = set()
    todo: list[ast.AST] = [node]
    while todo:
        part = todo.pop()
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load):
            found.add(part.id)
        elif isinstance(part, ast.AugAssign) and isinstance(part.target, ast.Name):
            found.add(part.target.id)
        todo += _certain_parts(part)
    return frozenset(found)


def _certain_parts(node: ast.AST) -> list[ast.AST]:
    """The parts of a node that run whenever it runs."""
    if isinstance(node, ast.If | ast.While | ast.IfExp):
        return [node.test]
    if isinstance(node, ast.For | ast.AsyncFor):
        return [node.iter]
    if isinstance(node, ast.BoolOp):
        return [node.values[0]]
    if isinstance(node, ast.Compare):
        return [node.left, node.comparators[0]]
    if isinstance(node, COMPREHENSIONS):
        return [node.generators[0].iter]
    if isinstance(node, ast.Match):
        return [node.subject]
    if isinstance(node, ast.Lambda):
        return [d for d in [*node.args.defaults, *node.args.kw_defaults] if d is not None]
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return list(_evaluated_outside(node))
    if isinstance(node, ast.With | ast.AsyncWith):
        suppressing = any("suppress" in ast.unparse(item.context_expr) for item in node.items)
        return [item.context_expr for item in node.items] if suppressing else list(ast.iter_child_nodes(node))
    if isinstance(node, ast.Assert) or hasattr(node, "handlers"):
        return []
    return list(ast.iter_child_nodes(node))


@cache
def inner_free_names(node: ast.stmt) -> frozenset[str]:
    """The global names that the functions, lambdas and classes inside a statement may look up when they run."""
    return frozenset(name for part in _outermost_scopes(node) for name in free_names(part))


def _outermost_scopes(node: ast.AST) -> Iterator[ScopeNode]:
    """The functions, lambdas and classes below a node that are in no other one: their free names are global ones."""
    if isinstance(node, ScopeNode):
        yield node
        return
    for child in ast.iter_child_nodes(node):
        yield from _outermost_scopes(child)


@cache
def inner_definitions(node: ast.stmt) -> tuple[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, ...]:
    """The functions and classes inside a statement, itself included."""
    return tuple(p for p in walk(node) if isinstance(p, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef))


@cache
def mentioned_names(node: ast.stmt) -> frozenset[str]:
    """The names in a statement, also those in its texts: formulas and queries."""
    found: set[str] = set()
    for part in walk(node):
        if isinstance(part, ast.Name):
            found.add(part.id)
        elif isinstance(part, ast.Constant) and isinstance(part.value, str):
            found.update(re.findall(r"[^\W\d]\w*", part.value))
    return frozenset(found)


def looked_up(statement: ast.stmt) -> set[str]:
    """The global names that a statement at the top level may look up, now or when functions defined in it are called."""
    found: set[str] = set()
    _free_in(statement, (), found, frozenset())
    if isinstance(statement, ast.AugAssign) and isinstance(statement.target, ast.Name):
        found.add(statement.target.id)
    return found


def _free(node: ScopeNode, outer: tuple[Scope, ...], found: set[str]) -> None:
    scope = scope_of(node)
    chain = (*outer, scope)
    body = [node.body] if isinstance(node, ast.Lambda) else node.body
    for child in body:
        _free_in(child, chain, found, frozenset())


def _free_in(node: ast.AST, chain: tuple[Scope, ...], found: set[str], hidden: frozenset[str]) -> None:
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
        if node.id not in hidden and _is_global(node.id, chain):
            found.add(node.id)
        return
    if isinstance(node, ast.Global):
        found.update(node.names)
        return
    if isinstance(node, COMPREHENSIONS):
        names = {n.id for g in node.generators for n in walk(g.target) if isinstance(n, ast.Name)}
        hidden = hidden | names
    if isinstance(node, ast.Lambda | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        if isinstance(node, ast.Lambda):
            outside: list[ast.AST] = [d for d in [*node.args.defaults, *node.args.kw_defaults] if d is not None]
        else:
            outside = list(_evaluated_outside(node))
        for part in outside:
            _free_in(part, chain, found, hidden)
        inner: set[str] = set()
        # Methods do not see the names of the class body around them.
        _free(node, tuple(s for s in chain if not s.is_class), inner)
        found.update(inner - hidden)
        return
    for child in ast.iter_child_nodes(node):
        _free_in(child, chain, found, hidden)


def _is_global(name: str, chain: tuple[Scope, ...]) -> bool:
    for index, scope in enumerate(reversed(chain)):
        if name in scope.global_names:
            return True
        if name in scope.local_names and (index == 0 or not scope.is_class):
            return scope.is_class  # a class body falls back to the global of the same name
    return True


_FUNCTIONS: Final = frozenset({ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef})


def outside_functions(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes below a statement that are not inside a function, lambda or class."""
    return walk_from_the_top(node, _FUNCTIONS)
