"""Compiled parts that are made of compiled parts: operators, lists, elements. Each checks the types of its operands, as
expr-lang's checker does, and computes by `operations`."""

from scaler.core.formula import operations, types
from scaler.core.formula.bounds import FormulaError
from scaler.core.formula.frame import Code, Frame
from scaler.core.formula.operations import Value, element, truth, word
from scaler.core.formula.types import BOOL, FLOAT, INT, UNKNOWN, Kind, Type, list_of

# -------------------------------------------------------------------------------------------------------- operators


def unary(operator: str, operand: Code) -> Code:
    run = operand.run
    if operator in ("not", "!"):
        if operand.type is BOOL or operand.type.unknown:
            return Code(BOOL, lambda frame: not truth(run(frame)))
    elif operand.type.number or operand.type.unknown:
        type_ = operand.type if operand.type.number else UNKNOWN
        return Code(type_, run if operator == "+" else lambda frame: operations.negative(run(frame)))
    raise FormulaError(f"{operator} does not go with {operand.type}")


def binary(operator: str, left: Code, right: Code) -> Code:
    type_ = _binary_type(operator, left.type, right.type)
    if type_ is None:
        raise FormulaError(f"{operator} does not go with {left.type} and {right.type}")
    one, other = left.run, right.run
    match operator:
        case "and" | "&&":
            return Code(type_, lambda frame: other(frame) if truth(first := one(frame)) else first)
        case "or" | "||":
            return Code(type_, lambda frame: first if truth(first := one(frame)) else other(frame))
        case "??":
            return Code(type_, lambda frame: other(frame) if (first := one(frame)) is None else first)
        case "..":
            return Code(type_, lambda frame: operations.spread(one(frame), other(frame), frame.meter))
        case "in":
            return Code(type_, lambda frame: operations.contains(one(frame), other(frame), frame.meter))
        case "==" | "!=":
            return _equality(operator, left, right)
        case _:
            compute = operations.ARITHMETIC[operator]
            return Code(type_, lambda frame: compute(one(frame), other(frame)))


def _binary_type(operator: str, left: Type, right: Type) -> Type | None:
    """`None` where they do not go together."""
    match operator:
        case "+" | "-" | "*":
            return types.promoted(left, right) if types.numbers(left, right) else None
        case "/" | "**" | "^":
            return FLOAT if types.numbers(left, right) else None
        case "%":
            return INT if types.ints(left, right) else None
        case "..":
            return list_of(INT) if types.ints(left, right) else None
        case "<" | ">" | "<=" | ">=":
            return BOOL if types.numbers(left, right) else None
        case "==" | "!=":
            return BOOL if types.comparable(left, right) else None
        case "in":
            among = right.list and types.comparable(left, right.element)
            return BOOL if among or right.unknown else None
        case "??":
            return types.coalesced(left, right)
        case _:
            good = all(one.kind is Kind.BOOL or one.unknown for one in (left, right))
            return BOOL if good else None


def _equality(operator: str, left: Code, right: Code) -> Code:
    """What is known to be whole numbers has to be; the checker may be wrong about it, where a `find` found nothing."""
    one, other, wanted = left.run, right.run, operator == "=="
    strict = left.type is INT and right.type is INT

    def run(frame: Frame) -> Value:
        a, b = one(frame), other(frame)
        if strict and not (type(a) is int and type(b) is int):
            raise FormulaError(f"{operator} does not go with {word(a)} and {word(b)}")
        return operations.equal(a, b, frame.meter) is wanted

    return Code(BOOL, run)


# -------------------------------------------------------------------------------------------------------------- lists


def items(codes: list[Code]) -> Code:
    runs = [one.run for one in codes]
    return Code(types.items(tuple(one.type for one in codes)), lambda frame: [run(frame) for run in runs])


def steps(codes: list[Code]) -> Code:
    runs = [one.run for one in codes]
    return Code(codes[-1].type, lambda frame: [run(frame) for run in runs][-1])


def index(of: Code, index: Code, *, optional: bool) -> Code:
    if not (of.type.list or of.type.unknown):
        raise FormulaError(f"{of.type} has no elements")
    if of.type.list and not (index.type is INT or index.type.unknown):
        raise FormulaError(f"an index is no {index.type}")
    one, at = of.run, index.run

    def run(frame: Frame) -> Value:
        found = one(frame)
        return None if optional and found is None else element(found, at(frame))

    return Code(UNKNOWN if of.type.unknown else of.type.element, run)
