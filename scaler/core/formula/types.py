"""What is known of a value before it is computed. There are whole numbers of 64 bits, floats, booleans, nil and lists.
The rules are those of expr-lang's checker, to its corners: what it refuses is refused here."""

from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """`NOTHING_KNOWN` and `ANY` are both unknown. To Go the second is a type that everything can be assigned to, the
    first is none."""

    INT = "int"
    FLOAT = "float"
    BOOL = "bool"
    NIL = "nil"
    LIST = "a list"
    ANY = "any"
    NOTHING_KNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Type:
    """`of` is what a list holds."""

    kind: Kind
    of: "Type | None" = None

    def __str__(self) -> str:
        return self.kind.value

    @property
    def unknown(self) -> bool:
        return self.kind in (Kind.ANY, Kind.NOTHING_KNOWN)

    @property
    def number(self) -> bool:
        return self.kind in (Kind.INT, Kind.FLOAT)

    @property
    def list(self) -> bool:
        return self.kind is Kind.LIST

    @property
    def element(self) -> "Type":
        return self.of or ANY

    @property
    def bare(self) -> "Type":
        """As functions see it, which know Go's types alone."""
        if self.list:
            return LIST
        return ANY if self.unknown else self


INT, FLOAT, BOOL, NIL = Type(Kind.INT), Type(Kind.FLOAT), Type(Kind.BOOL), Type(Kind.NIL)
ANY, UNKNOWN, LIST = Type(Kind.ANY), Type(Kind.NOTHING_KNOWN), Type(Kind.LIST)


def list_of(element: Type) -> Type:
    return Type(Kind.LIST, element)


def assignable(one: Type, to: Type) -> bool:
    if Kind.NOTHING_KNOWN in (one.kind, to.kind):
        return False
    return one.kind is to.kind or to.kind is Kind.ANY


def comparable(one: Type, other: Type) -> bool:
    """Whether `==` makes sense."""
    return (
        one.unknown
        or other.unknown
        or Kind.NIL in (one.kind, other.kind)
        or (one.number and other.number)
        or (one.list and other.list)
        or assignable(one, other)
    )


def numbers(left: Type, right: Type) -> bool:
    """Both may be numbers, as far as is known."""
    return (left.number or left.unknown) and (right.number or right.unknown)


def ints(left: Type, right: Type) -> bool:
    return (left.kind is Kind.INT or left.unknown) and (right.kind is Kind.INT or right.unknown)


def promoted(left: Type, right: Type) -> Type:
    """Of a sum, a difference, a product."""
    if left.unknown or right.unknown:
        return UNKNOWN
    return FLOAT if Kind.FLOAT in (left.kind, right.kind) else INT


def either(one: Type, other: Type) -> Type:
    """What a choice yields."""
    if one.kind is Kind.NIL:
        return other
    if other.kind is Kind.NIL:
        return one
    if not assignable(one, other):
        return UNKNOWN
    if (
        one.list
        and other.list
        and not (assignable(one.element, other.element) and assignable(other.element, one.element))
    ):
        return LIST
    return one


def coalesced(one: Type, other: Type) -> Type:
    """What `??` yields."""
    if one.kind is Kind.NIL:
        return other
    return one if other.kind is Kind.NIL or assignable(other, one) else UNKNOWN


def items(types: tuple[Type, ...]) -> Type:
    """Of a list that is written out. Kinds are compared, as in Go: lists are alike, and so are nil and unknown."""
    kinds = {Kind.NOTHING_KNOWN if one.kind is Kind.NIL else one.kind for one in types}
    if len(kinds) > 1:
        return LIST
    return list_of(types[-1] if types else UNKNOWN)
