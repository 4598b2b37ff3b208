"""Python tests that can never fail, found by reading them: `assert True`, `assert 1 == 1`, `pass`.

A test without any assertion that calls something may fail by what it calls, and is left alone; where all assertions are true
by themselves, a call beside them is no test of it either. Mutants find the rest.
"""

import ast
import operator
from collections.abc import Callable, Iterator
from typing import Any

_Function = ast.FunctionDef | ast.AsyncFunctionDef
_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda part, whole: part in whole,
    ast.NotIn: lambda part, whole: part not in whole,
}


def hollow_tests(tree: ast.Module) -> tuple[str, ...]:
    """Return the names of the module's tests that no change of the app can make fail."""
    return tuple(name for name, test in _tests(tree) if _is_hollow(test))


def _tests(tree: ast.Module) -> Iterator[tuple[str, _Function]]:
    for node in tree.body:
        if isinstance(node, _Function):
            yield from [(node.name, node)] if node.name.startswith("test") else []
        elif isinstance(node, ast.ClassDef):
            methods = (each for each in node.body if isinstance(each, _Function))
            yield from ((f"{node.name}.{each.name}", each) for each in methods if each.name.startswith("test"))


def _is_hollow(test: _Function) -> bool:
    """Tell whether every assertion is true by itself, and, where there is none, that nothing is called either."""
    nodes = [node for statement in test.body for node in ast.walk(statement)]
    asserts = [node.test for node in nodes if isinstance(node, ast.Assert)]
    if any(not _is_always_true(wanted) for wanted in asserts):
        return False
    calls = [node for node in nodes if isinstance(node, ast.Call)]
    if asserts:
        return not any(_may_assert(call) for call in calls)
    raises = any(isinstance(node, ast.Raise | ast.Await | ast.With | ast.AsyncWith) for node in nodes)
    return not calls and not raises


def _is_always_true(wanted: ast.expr) -> bool:
    match wanted:
        case ast.BoolOp(op=ast.Or(), values=values):
            return any(_is_always_true(value) for value in values)
        case ast.BoolOp(op=ast.And(), values=values):
            return all(_is_always_true(value) for value in values)
        case ast.Compare(left=left, ops=[operation], comparators=[right]):
            return _is_same(left, operation, right) or _holds(left, operation, right)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return _literal(operand) in ([False], [None], [0], [""], [[]], [{}], [()])
        case ast.Tuple(elts=[_, *_]):  # `assert (wanted, "message")`
            return True
        case _:
            return any(map(bool, _literal(wanted)))


def _is_same(left: ast.expr, operation: ast.cmpop, right: ast.expr) -> bool:
    """Tell whether a thing is compared with itself, and not what a call gives each time anew."""
    calls = any(isinstance(node, ast.Call) for node in ast.walk(left))
    return isinstance(operation, ast.Eq | ast.Is) and not calls and ast.dump(left) == ast.dump(right)


def _holds(left: ast.expr, operation: ast.cmpop, right: ast.expr) -> bool:
    """Tell whether two literals compare as the assertion says."""
    compare = _COMPARISONS.get(type(operation))
    sides = [*_literal(left), *_literal(right)]
    if compare is None or len(sides) != 2:
        return False
    try:
        return bool(compare(*sides))
    except TypeError:  # 1 < "a" fails when it is run, too
        return False


def _literal(expression: ast.expr) -> list[Any]:
    """Return the value in a list; an empty one when it is known only when the test runs."""
    try:
        return [ast.literal_eval(expression)]
    except (ValueError, TypeError, MemoryError, RecursionError):
        return []


def _may_assert(call: ast.Call) -> bool:
    """Tell whether the call looks as if it checked something: `self.assertEqual`, `mock.assert_called`, `pytest.raises`."""
    match call.func:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return any(
                word in name.lower() for word in ("assert", "check", "expect", "verify", "raises", "warns", "fail", "ensure")
            )
        case _:
            return True
