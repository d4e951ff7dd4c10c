"""From tokens to nodes, by the precedence and the corners of expr-lang (v1.17): a Pratt parser. It knows no types; what
the language has and this version leaves out is refused here, by name."""

import math
from collections.abc import Set
from typing import NamedTuple

from scaler.core.formula.bounds import NESTING, TEXT, FormulaError, TooLarge, Unsupported
from scaler.core.formula.grammar import (
    BINARY,
    COMPARISONS,
    CONSTANTS,
    FUNCTIONS,
    LEFT_OUT,
    NEGATABLE,
    OF_TEXT,
    PREDICATES,
    UNARY,
)
from scaler.core.formula.lexer import END, Kind, Token, tokens
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


class Operation(NamedTuple):
    """A binary operator that comes next; `negated` by a `not` before it."""

    operator: str
    precedence: int
    negated: bool = False


def parse(text: str, names: Set[str]) -> Node:
    """The whole formula. `names` are the inputs': they hide builtins of the same name. Raises `FormulaError`."""
    if len(text) > TEXT:
        raise TooLarge(f"it has more than {TEXT} characters")
    parser = _Parser(text, names)
    node = parser.sequence()
    if parser.current is not END:
        raise parser.unexpected()
    return node


class _Parser:
    def __init__(self, text: str, names: Set[str]) -> None:
        self._tokens = list(tokens(text))
        self._at, self._names = 0, names
        self._nesting, self._predicates = 0, 0

    # ------------------------------------------------------------------------------------------------------ tokens

    @property
    def current(self) -> Token:
        return self._tokens[self._at]

    def _next(self) -> Token:
        token = self._tokens[self._at]
        self._at = min(self._at + 1, len(self._tokens) - 1)
        return token

    def _is(self, *values: str) -> bool:
        """An operator or bracket, not a name or text of that spelling."""
        return self.current.kind in (Kind.OPERATOR, Kind.BRACKET) and self.current.value in values

    def _takes(self, *values: str) -> bool:
        found = self._is(*values)
        if found:
            self._next()
        return found

    def _expect(self, value: str) -> None:
        if not self._takes(value):
            raise self.unexpected(value)

    def _expect_name(self) -> str:
        if self.current.kind is not Kind.NAME:
            raise self.unexpected("a name")
        return self._next().value

    def unexpected(self, wanted: str = "") -> FormulaError:
        instead = f", there should be {wanted}" if wanted else ""
        return FormulaError(f"{self.current} is not expected there{instead}")

    # ------------------------------------------------------------------------------------------------- expressions

    def sequence(self) -> Node:
        nodes = [self._expression()]
        while self._takes(";") and self.current is not END:
            nodes.append(self._expression())
        return nodes[0] if len(nodes) == 1 else Steps(tuple(nodes))

    def _expression(self) -> Node:
        """With everything that binds least: declarations, branches, pipes."""
        self._nesting += 1
        if self._nesting > NESTING:
            raise TooLarge(f"it nests more than {NESTING} deep")
        if self._is("let"):
            node = self._let()
        elif self._is("if"):
            node = self._if()
        else:
            node = self._ternary(self._binary(0))
        self._nesting -= 1
        return node

    def _let(self) -> Node:
        self._next()
        name = self._expect_name()
        self._expect("=")
        value = self._expression()
        self._expect(";")
        return Let(name, value, self.sequence())

    def _if(self) -> Node:
        """`else if` goes on as another one: in a loop, so that a long chain nests no brackets."""
        branches = []
        while self._takes("if"):
            condition = self._expression()
            branches.append((condition, self._block()))
            self._expect("else")
        node = self._block()
        for condition, then in reversed(branches):
            node = Choice(condition, then, node)
        return node

    def _block(self) -> Node:
        self._expect("{")
        node = self.sequence()
        self._expect("}")
        return node

    def _ternary(self, node: Node) -> Node:
        while self._takes("?"):
            then = node
            if not self._is(":"):
                then = self._expression()
            self._expect(":")
            node = Choice(node, then, self._expression())
        return node

    def _binary(self, precedence: int) -> Node:
        """Everything that binds at least so much."""
        node, before = self._unary(), ""
        while (operation := self._operation(precedence)) is not None:
            operator = operation.operator
            if operator == "|":
                node = self._call(self._expect_name(), (node,))
            elif before == "??" and operator != "??":
                raise FormulaError(f"?? and {operator} cannot be mixed, put one of them in brackets")
            elif operator in COMPARISONS:
                node = self._comparison(node, operation)
            else:
                node = self._joined(node, operation)
            before = operator
        return node

    def _operation(self, precedence: int) -> Operation | None:
        """The next one is taken; one that binds less is left where it is, together with its `not`."""
        if self.current.kind is not Kind.OPERATOR:
            return None
        negated = self._is("not")
        token = self._tokens[self._at + 1] if negated else self.current
        if negated and token.value not in NEGATABLE:
            raise FormulaError(f"{token} is not expected there, behind a not")
        binds = BINARY.get(token.value, -1)
        if binds < precedence:
            return None
        self._at += 2 if negated else 1
        return Operation(token.value, binds, negated)

    def _joined(self, left: Node, operation: Operation) -> Node:
        operator, precedence, negated = operation
        if operator in OF_TEXT:
            raise Unsupported(f"text is not supported, so there is no {operator}")
        right_associative = operator in ("**", "^")
        right = self._deeper(precedence if right_associative else precedence + 1)
        node = Binary(operator, left, right)
        return Unary("not", node) if negated else node

    def _comparison(self, left: Node, operation: Operation) -> Node:
        """`a < b < c` compares each with its neighbour."""
        operator, precedence = operation.operator, operation.precedence
        node: Node | None = None
        while True:
            right = self._deeper(precedence + 1)
            compared = Binary(operator, left, right)
            node = compared if node is None else Binary("&&", node, compared)
            if not self._is(*COMPARISONS):
                return node
            left, operator = right, self._next().value

    def _deeper(self, precedence: int) -> Node:
        """An operand. Operators that associate to the right, and signs, nest without any bracket."""
        self._nesting += 1
        if self._nesting > NESTING:
            raise TooLarge(f"it nests more than {NESTING} deep")
        node = self._binary(precedence)
        self._nesting -= 1
        return node

    # ---------------------------------------------------------------------------------------------------- operands

    def _unary(self) -> Node:
        token = self.current
        if token.kind is Kind.OPERATOR and token.value in UNARY:
            self._next()
            return self._postfix(Unary(token.value, self._deeper(UNARY[token.value])))
        if self._takes("("):
            node = self.sequence()
            self._expect(")")
            return self._postfix(node)
        if self._predicates and self._is("#", "."):
            named = self._takes("#") and self.current.kind is Kind.NAME
            return self._postfix(Pointer(self._next().value if named else ""))
        if self._takes("::"):
            return self._postfix(self._call(self._expect_name(), (), hidden=False))
        return self._simple()

    def _simple(self) -> Node:
        token = self._next()
        if token.kind is Kind.NUMBER:
            return Constant(_number(token.value))
        if token.kind is Kind.TEXT:
            return self._postfix(Text(token.value))
        if token.kind is Kind.NAME and token.value in CONSTANTS:
            return Constant(CONSTANTS[token.value])
        if token == (Kind.NAME, "$env"):
            raise Unsupported("the inputs have names of their own, there is no $env")
        if token.kind is Kind.NAME:
            return self._postfix(self._call(token.value, ()) if self._is("(") else Name(token.value))
        if token == (Kind.BRACKET, "["):
            return self._postfix(Items(self._arguments("]")))
        if token == (Kind.BRACKET, "{"):
            raise Unsupported("maps are not supported")
        self._at -= token is not END
        raise self.unexpected("a value")

    def _postfix(self, node: Node) -> Node:
        while self._is(".", "?.", "["):
            optional = self._takes("?.")
            if not self._takes("["):
                raise Unsupported("there is nothing that has a name inside of it, so there is no such '.'")
            node = self._brackets(node, optional=optional)
        return node

    def _brackets(self, of: Node, *, optional: bool) -> Node:
        """An index or a slice."""
        start = None if self._is(":") else self._expression()
        if not self._takes(":"):
            assert start is not None
            node: Node = Index(of, start, optional)
        else:
            node = Slice(of, start, None if self._is("]") else self._expression())
        self._expect("]")
        return node

    # ------------------------------------------------------------------------------------------------------- calls

    def _call(self, name: str, before: tuple[Node, ...], *, hidden: bool = True) -> Node:
        """`before` is what a pipe puts in front of the arguments; an input's name hides a builtin's."""
        if hidden and name in self._names:
            raise FormulaError(f"{name} is an input and cannot be called")
        if name in LEFT_OUT:
            raise Unsupported(f"{LEFT_OUT[name]} is not supported, so there is no {name}")
        if name in PREDICATES:
            return Call(name, self._predicate_arguments(name, before))
        if name not in FUNCTIONS:
            raise FormulaError(f"there is no function {name}")
        self._expect("(")
        return Call(name, (*before, *self._arguments(")")))

    def _predicate_arguments(self, name: str, before: tuple[Node, ...]) -> tuple[Node, ...]:
        least, most = PREDICATES[name]
        self._expect("(")
        arguments = list(before)
        while len(arguments) < most:
            if self._is(")") and len(arguments) >= least:
                break
            if len(arguments) > len(before):
                self._expect(",")
            arguments.append(self._predicate() if len(arguments) == 1 else self._expression())
        self._takes(",")
        self._expect(")")
        return tuple(arguments)

    def _predicate(self) -> Node:
        self._predicates += 1
        node = self._block() if self._is("{") else self._expression()
        self._predicates -= 1
        return node

    def _arguments(self, end: str) -> tuple[Node, ...]:
        """Up to the bracket, separated by commas; one may stand behind the last."""
        nodes: list[Node] = []
        while not self._takes(end):
            if nodes:
                self._expect(",")
                if self._takes(end):
                    break
            nodes.append(self._expression())
        return tuple(nodes)


def _number(text: str) -> int | float:
    """Whole numbers have 64 bits."""
    digits = text.replace("_", "").lower()
    base = {"0x": 16, "0o": 8, "0b": 2}.get(digits[:2])
    written_as_float = base is None and ("." in digits or "e" in digits)
    try:
        number = float(digits) if written_as_float else int(digits, base or 10)
    except ValueError:
        raise FormulaError(f"{text!r} is no number") from None
    if not (math.isfinite(number) if isinstance(number, float) else number < 2**63):
        raise FormulaError(f"{text!r} is too large a number")
    return number
