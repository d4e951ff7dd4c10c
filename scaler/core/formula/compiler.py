"""From nodes to something that runs: checks what can be known without values, as expr-lang's checker does, and makes of
each node a function of a frame. Nothing here has access to anything but the inputs."""

from collections.abc import Sequence, Set

from scaler.core.formula import operations, parts, predicates, types
from scaler.core.formula.bounds import FormulaError, TooLarge, Unsupported
from scaler.core.formula.builtins import FUNCTIONS
from scaler.core.formula.frame import Code, Frame, Run
from scaler.core.formula.grammar import BUILTINS, PREDICATES
from scaler.core.formula.lists import ordered
from scaler.core.formula.operations import Value, truth, word
from scaler.core.formula.predicates import LOOPS, Predicate
from scaler.core.formula.syntax import (
    Binary,
    Call,
    Choice,
    Constant,
    Index,
    Items,
    Let,
    Name,
    Node,
    Pointer,
    Slice,
    Steps,
    Text,
    Unary,
)
from scaler.core.formula.types import BOOL, FLOAT, INT, LIST, NIL, UNKNOWN, Type

ORDERS = {'"asc"': False, "'asc'": False, "`asc`": False, '"desc"': True, "'desc'": True, "`desc`": True}
"""The one text that is understood, and whether it means descending."""


class Compiler:
    """`names` are the inputs, all of them floats; `used` becomes those that the formula looks at."""

    def __init__(self, names: Set[str]) -> None:
        self._names = names
        self._variables: dict[str, Type] = {}
        self._pointers: list[dict[str, Type]] = []
        self.used: set[str] = set()

    def code(self, node: Node) -> Code:
        """Raises `FormulaError`."""
        match node:
            case Constant(value):
                return Code(_type_of(value), lambda _: value)
            case Name(name):
                return self._name(name)
            case Unary(operator, operand):
                return parts.unary(operator, self.code(operand))
            case Binary(operator, left, right):
                return parts.binary(operator, self.code(left), self.code(right))
            case Choice():
                return self._choice(node)
            case Call():
                return self._call(node)
            case Pointer(name):
                return self._pointer(name)
            case _:
                return self._list_or_steps(node)

    def _list_or_steps(self, node: Node) -> Code:
        match node:
            case Items(nodes):
                return parts.items([self.code(one) for one in nodes])
            case Index(of, index, optional):
                return parts.index(self.code(of), self.code(index), optional=optional)
            case Slice():
                return self._slice(node)
            case Let():
                return self._let(node)
            case Steps(nodes):
                return parts.steps([self.code(one) for one in nodes])
            case _:
                raise Unsupported("text is not supported: the inputs are numbers")

    # ------------------------------------------------------------------------------------------------------- names

    def _name(self, name: str) -> Code:
        if name in self._variables:
            return Code(self._variables[name], lambda frame: frame.variables[name])
        if name in self._names:
            self.used.add(name)
            return Code(FLOAT, lambda frame: frame.inputs[name])
        if name in BUILTINS:
            raise FormulaError(f"{name} is a function, it needs its arguments in brackets")
        raise FormulaError(f"unknown name {name}{self._meant(name)}")

    def _meant(self, name: str) -> str:
        """A trigger's name may be one that no formula can hold."""
        found = next((one for one in sorted(self._names) if one.startswith(name) and not _speakable(one)), None)
        return f" (a trigger is called {found!r}: letters, digits and _ alone make a name)" if found else ""

    def _let(self, node: Let) -> Code:
        name = node.name
        if name in self._names or name in self._variables or name in BUILTINS:
            raise FormulaError(f"cannot redeclare {name}")
        value = self.code(node.value)
        self._variables[name] = value.type
        body = self.code(node.body)
        del self._variables[name]

        def run(frame: Frame) -> Value:
            frame.variables[name] = value.run(frame)
            return body.run(frame)

        return Code(body.type, run)

    def _pointer(self, name: str) -> Code:
        if name not in self._pointers[-1]:
            raise FormulaError(f"there is no #{name} here")
        type_ = self._pointers[-1][name]
        if name == "index":
            return Code(type_, lambda frame: frame.scope.index)
        if name == "acc":
            return Code(type_, lambda frame: frame.scope.acc)
        return Code(type_, lambda frame: frame.scope.item)

    # ---------------------------------------------------------------------------------------------------- branches

    def _choice(self, node: Choice) -> Code:
        condition = self.code(node.condition)
        if not (condition.type is BOOL or condition.type.unknown):
            raise FormulaError(f"a condition must be true or false, not {condition.type}")
        then, otherwise = self.code(node.then), self.code(node.otherwise)

        def run(frame: Frame) -> Value:
            return then.run(frame) if truth(condition.run(frame)) else otherwise.run(frame)

        return Code(types.either(then.type, otherwise.type), run)

    def _slice(self, node: Slice) -> Code:
        of = self.code(node.of)
        if not (of.type.list or of.type.unknown):
            raise FormulaError(f"{of.type} has no elements")
        start = self._end(node.start)
        stop = self._end(node.stop)

        def run(frame: Frame) -> Value:
            found = of.run(frame)
            last = len(found) if stop is None and type(found) is list else stop and stop.run(frame)
            return operations.part(found, 0 if start is None else start.run(frame), last, frame.meter)

        return Code(UNKNOWN if of.type.unknown else of.type, run)

    def _end(self, node: Node | None) -> Code | None:
        if node is None:
            return None
        code = self.code(node)
        if not (code.type is INT or code.type.unknown):
            raise FormulaError(f"an index is no {code.type}")
        return code

    # ------------------------------------------------------------------------------------------------------- calls

    def _call(self, node: Call) -> Code:
        try:
            if node.name in PREDICATES:
                return self._loop(node)
            if node.name == "sort":
                return self._sort(node)
            return _function(node.name, [self.code(one) for one in node.arguments])
        except _Misused as error:
            raise FormulaError(f"{node.name} {error}") from None

    def _loop(self, node: Call) -> Code:
        of = self.code(node.arguments[0])
        if not (of.type.list or of.type.unknown):
            raise _Misused(f"takes a list, not {of.type}")
        each = None
        if len(node.arguments) > 1:
            self._pointers.append(_pointers(node.name, of.type))
            each = self.code(node.arguments[1])
            self._pointers.pop()
            if each.type is NIL:
                raise _Misused("needs a predicate that yields something")
            if node.name in predicates.TRUTHS and not (each.type is BOOL or each.type.unknown):
                raise _Misused(f"needs a predicate that is true or false, not {each.type}")
        cost = 1 + (node.arguments[1].size if each else 0)
        predicate = Predicate(of.run, each.run if each else None, cost)
        type_ = predicates.yields(node.name, of.type, each.type if each else None)
        return Code(type_, self._looping(node, predicate))

    def _looping(self, node: Call, predicate: Predicate) -> Run:
        if node.name == "reduce":
            initial = self.code(node.arguments[2]).run if len(node.arguments) > 2 else None
            return lambda frame: predicates.reduced(frame, predicate, initial)
        if node.name == "sortBy":
            descending = _descending(node.arguments[2:])
            return lambda frame: predicates.sorted_by(frame, predicate, descending=descending)
        loop = LOOPS[node.name]
        return lambda frame: loop(frame, predicate)

    def _sort(self, node: Call) -> Code:
        if len(node.arguments) not in (1, 2):
            raise _Misused(f"takes 1 or 2 arguments, not {len(node.arguments)}")
        of, descending = self.code(node.arguments[0]), _descending(node.arguments[1:])
        if not (of.type.list or of.type.unknown):
            raise _Misused(f"takes a list, not {of.type}")

        def run(frame: Frame) -> Value:
            found = of.run(frame)
            if type(found) is not list:
                raise FormulaError(f"sort takes a list, not {word(found)}")
            return ordered(found, found, descending=descending, meter=frame.meter)

        return Code(LIST, run)


class _Misused(FormulaError):
    """A builtin; its name is put before the sentence."""


def _pointers(name: str, of: Type) -> dict[str, Type]:
    """What `#` and its kin are, inside of a predicate."""
    found = {"": UNKNOWN if of.unknown else of.element}
    if name in ("map", "reduce"):
        found["index"] = INT
    if name == "reduce":
        found["acc"] = UNKNOWN
    return found


def _speakable(name: str) -> bool:
    return name.replace("$", "_").isidentifier()


def _type_of(value: Value) -> Type:
    return {int: INT, float: FLOAT, bool: BOOL}.get(type(value), NIL)


def _descending(given: Sequence[Node]) -> bool:
    if not given:
        return False
    if not isinstance(given[0], Text) or given[0].value not in ORDERS:
        raise _Misused('has "asc" or "desc" as its order')
    return ORDERS[given[0].value]


def _function(name: str, arguments: list[Code]) -> Code:
    function = FUNCTIONS[name]
    try:
        type_ = function.yields([one.type for one in arguments])
    except FormulaError as error:
        raise _Misused(str(error)) from None
    runs = [one.run for one in arguments]

    def run(frame: Frame) -> Value:
        given = [one(frame) for one in runs]
        try:
            return function.run(given, frame.meter)
        except TooLarge:
            raise
        except FormulaError as error:
            raise FormulaError(f"{name} {error}") from None

    return Code(type_, run)
