"""What can be done wrong in a line of Python: each fault is a place in the source and the text that takes it."""

import ast
from collections.abc import Iterator, Sequence

from domain.values import Value

_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.GtE,
    ast.LtE: ast.Gt,
    ast.Gt: ast.LtE,
    ast.GtE: ast.Lt,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
_ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
}
_TALK = frozenset({"print", "log", "logger", "logging", "warnings"})
"""Calls of these tell people something; nothing that tests look at depends on them."""
_TUNING = frozenset(
    {"timeout", "indent", "port", "workers", "delay", "retries", "max_length", "min_length", "ttl", "stacklevel"}
)
"""Keyword arguments whose exact number makes no behaviour that a test could show in time."""


class Fault(Value):
    """Where the source is replaced, by lines from 1 and columns in UTF-8 bytes, and with what."""

    line: int
    column: int
    end_line: int
    end_column: int
    text: str
    kind: str

    def moved_up(self, lines: int) -> "Fault":
        return self.model_copy(update={"line": self.line - lines, "end_line": self.end_line - lines})


def faults(tree: ast.Module) -> Sequence[Fault]:
    """Return every fault that the code offers, in the order of the source."""
    return sorted(_walk(tree), key=lambda fault: (fault.line, fault.column, fault.end_line, fault.end_column, fault.text))


def _walk(node: ast.AST) -> Iterator[Fault]:
    if _is_left_alone(node):
        return
    yield from _of(node)
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "type_params"):
            continue
        children = value if isinstance(value, list) else [value]
        yield from (fault for child in children if isinstance(child, ast.AST) for fault in _walk(child))


def _is_left_alone(node: ast.AST) -> bool:
    """Tell whether nothing below is mutated: places inside f-strings are wrong before Python 3.12, entry points are not run."""
    match node:
        case ast.JoinedStr() | ast.Import() | ast.ImportFrom() | ast.Assert():
            return True
        case ast.If(test=ast.Compare(left=ast.Name(id="__name__"))) | ast.If(test=ast.Name(id="TYPE_CHECKING")):
            return True
        case ast.keyword(arg=str() as name):
            return name in _TUNING
    return _is_talk(node)


def _is_talk(node: ast.AST) -> bool:
    if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)):
        return False
    called: ast.AST = node.value.func
    while isinstance(called, ast.Attribute):
        called = called.value
    return isinstance(called, ast.Name) and called.id in _TALK


def _of(node: ast.AST) -> Iterator[Fault]:
    match node:
        case ast.Compare(ops=[single]):
            turned = _COMPARISONS[type(single)]()
            yield _fault(node, ast.Compare(node.left, [turned], node.comparators), "comparison turned round")
        case ast.BoolOp(op=ast.And()):
            yield _fault(node, ast.BoolOp(ast.Or(), node.values), "`and` made `or`")
        case ast.BoolOp(op=ast.Or()):
            yield _fault(node, ast.BoolOp(ast.And(), node.values), "`or` made `and`")
        case ast.UnaryOp(op=ast.Not()):
            yield _fault(node, node.operand, "`not` taken out")
        case ast.BinOp() if type(node.op) in _ARITHMETIC and not _is_text(node.left) and not _is_text(node.right):
            swapped = ast.BinOp(node.left, _ARITHMETIC[type(node.op)](), node.right)
            yield _fault(node, swapped, "arithmetic changed")
        case ast.Constant(value=bool() as flag):
            yield _fault(node, ast.Constant(not flag), "truth value turned round")
        case ast.Constant(value=int() | float() as number):
            yield _fault(node, ast.Constant(number + 1), "number changed")
        case ast.Return(value=ast.expr() as value) if not _is_none(value):
            yield _fault(node, ast.Return(ast.Constant(None)), "returns None")
        case ast.Expr(value=ast.Call() | ast.Await(value=ast.Call())):
            yield _fault(node, ast.Pass(), "call taken out")
        case ast.If(test=test) | ast.IfExp(test=test) if not isinstance(test, ast.Compare | ast.BoolOp | ast.UnaryOp):
            yield _fault(test, ast.UnaryOp(ast.Not(), test), "condition turned round")


def _fault(place: ast.expr | ast.stmt, wrong: ast.AST, kind: str) -> Fault:
    text = ast.unparse(wrong)
    return Fault(
        line=place.lineno,
        column=place.col_offset,
        end_line=place.end_lineno or place.lineno,
        end_column=place.end_col_offset or place.col_offset,
        text=f"({text})" if isinstance(wrong, ast.BoolOp) else text,
        kind=kind,
    )


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str | bytes))


def _is_none(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is None
