"""What a formula is made of, when it is read: values without any behavior. `parser` makes them, `compiler` gives them
their meaning."""

from dataclasses import dataclass, field, fields

from scaler.core.formula.bounds import DEPTH, NODES, TooLarge


@dataclass(frozen=True, slots=True)
class Node:
    """`size` is the number of nodes with all below, as often as they are computed; `depth` is how deep they nest."""

    size: int = field(init=False, default=1, compare=False)
    depth: int = field(init=False, default=1, compare=False)

    def __post_init__(self) -> None:
        below = [one for found in fields(self) for one in _nodes(getattr(self, found.name))]
        object.__setattr__(self, "size", 1 + sum(one.size for one in below))
        object.__setattr__(self, "depth", 1 + max((one.depth for one in below), default=0))
        if self.size > NODES:
            raise TooLarge(f"it has more than {NODES} parts")
        if self.depth > DEPTH:
            raise TooLarge(f"its operations nest more than {DEPTH} deep")


def _nodes(value: object) -> tuple["Node", ...]:
    if isinstance(value, Node):
        return (value,)
    return tuple(one for one in value if isinstance(one, Node)) if isinstance(value, tuple) else ()


@dataclass(frozen=True, slots=True)
class Constant(Node):
    value: int | float | bool | None


@dataclass(frozen=True, slots=True)
class Text(Node):
    """Allowed in one place: the order of a sort."""

    value: str


@dataclass(frozen=True, slots=True)
class Name(Node):
    name: str


@dataclass(frozen=True, slots=True)
class Unary(Node):
    operator: str
    operand: Node


@dataclass(frozen=True, slots=True)
class Binary(Node):
    operator: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Choice(Node):
    condition: Node
    then: Node
    otherwise: Node


@dataclass(frozen=True, slots=True)
class Items(Node):
    """A list that is written out."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Index(Node):
    """`of[index]`; `optional` is `of?.[index]`."""

    of: Node
    index: Node
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Slice(Node):
    of: Node
    start: Node | None
    stop: Node | None


@dataclass(frozen=True, slots=True)
class Call(Node):
    """Of a builtin; one that takes a predicate has it as its second argument."""

    name: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Pointer(Node):
    """`#`, and inside some builtins `#index` and `#acc`."""

    name: str


@dataclass(frozen=True, slots=True)
class Let(Node):
    name: str
    value: Node
    body: Node


@dataclass(frozen=True, slots=True)
class Steps(Node):
    """All are computed, the last one counts."""

    nodes: tuple[Node, ...]
