"""Formulas to try: written by hand for every corner of the language, and a writer that makes as many more as wanted.
Nothing here says what comes of them."""

from collections.abc import Callable, Mapping
from random import Random

NAMES = ("a", "b", "c", "lost")
INPUTS: Mapping[str, float | None] = {"a": 3.0, "b": -7.5, "c": 0.0, "lost": None}
"""`lost` is one that was given up."""

OF_KEDAS_DOCUMENTATION = (
    "trig_one + trig_two",
    "(trig_one + trig_two) / 2",
    "trig_one > 2 ? trig_one + trig_two : 1",
    "trig_one > 2 ? 5 : 0",
    "count([trig_one, trig_two, trig_three], {# > 1}) > 1 ? 5 : 0",
    "count([trig_one,trig_two,trig_three],{#>5}) > 1 ? 5 : 0",
    "max([trig_one, trig_two, trig_three])",
    "sum([trig_one, trig_two, trig_three]) / 3",
    "trig_one < 2 ? trig_one + trig_two >= 2 ? 5 : 10 : 0",
    "trig_one ?? trig_two",
    "trig_one != nil ? trig_one : trig_two ?? 10",
    "float(trig_one) * 2",
)
"""In the shapes that KEDA's documentation shows (KEDA behaviour 3.9)."""

NUMBERS = """
1; 1.5; .5; 1.; 1e3; 1.5e-2; 1E+2; 0x1F; 0XfF; 0b101; 0o17; 1_000; 1_0.5_0; 007; 9223372036854775807; 1e308; 1e-400
9223372036854775808; 1e309; 0x; 0b12; 1x; 1e; 1.2.3; 0x1.8; 0b1e2; 12_; 1__2; 0x7fffffffffffffff; 0xffffffffffffffff
a; b; c; lost; true; false; nil; -1; +1; --1; -+1; - 1; -a; +a; +lost; -lost; -nil; +true; -true; -[1]; a.b; a .5
1 + 2; 1 - 2; 2 * 3; 7 / 2; 6 / 3; 7 % 3; -7 % 3; 7 % -3; -7 % -3; 2 ** 3; 2 ^ 3; 2 ** -1; 2 ** 0.5; -2 ** 2
2 ** 3 ** 2; 1 + 2 * 3; (1 + 2) * 3; 1 + 2.5; 2 * 1.5; 5 - 1.5; 1 / 0; -1 / 0; 0 / 0; 1.0 / 0; 7 % 0; a % 2; 7.5 % 2
7 % 2.0; 9223372036854775807 + 1; -9223372036854775807 - 2; 9223372036854775807 * 2; 4611686018427387904 * -4
1 - - 1; 1 -- 1; a + b; a - b; a * b; a / b; b / c; c / c; a ** 2; a ^ 2; a + lost; lost * 2; 1 + nil; 1 + true
true + true; [1] + [2]; 0 ** 0; 0 ** -1; (-8) ** (1 / 3); (-2) ** 3; 10 ** 400; -(10 ** 400); 1e300 * 1e10; 2 ** 62
2 * a + 3 * b - c / 4
"""

LOGIC = """
1 < 2; 2 <= 2; 3 > 4; 3 >= 3; 1 < 2 < 3; 3 > 2 > 2; 1 < 2 <= 2 < 3; 1 == 1.0; 1 != 2; a == 3; a == nil; lost == nil
nil == nil; true == true; true == 1; true != false; nil != 1; [1] == [1.0]; [1, 2] == [1]; [1] == 1; [[1]] == [[1]]
[] == []; lost < 1; nil < 1; true and false; true && true; false or true; false || false; not true; !false; !!true
not not true; not a; !1; true and 1; a > 1 and b < 0; a > 1 or lost > 0; a < 1 and lost > 0
a > 1 && b > 1 || c == 0; not (a > 1); not a > 1; a not in [1, 2]; a in [1, 2, 3]; 3 in [1, 2, 3]; 3 not in 1..2
3.0 in 1..5; 1.5 in 1..5; nil in [1]; nil in [nil]; true in [1]; 1 in 5; 1 in nil; 1 in []; [1] in [[1], [2]]
1 in [true, 1]; a in lost; not 1 in [1]; not (1 in [1]); 1 in [1] and 2 in [2]; a in b; true ? 1 : 2; false ? 1 : 2
a > 1 ? b : c; a > 1 ? b > 1 ? 1 : 2 : 3; a > 5 ? 1 : b > 0 ? 2 : 3; 1 ? 2 : 3; nil ? 1 : 2; true ?: 2
a > 1 ? 5 : 0; a > 1 ? 5 : 0.5; a > 1 ? 5 : true; a > 1 ? nil : 1; a > 1 ? [1] : [2.5]; (a > 1 ? 1 : true) + 1
false ?: 2; if a > 1 { 2 } else { 3 }; if a > 5 { 2 } else if b < 0 { 4 } else { 3 }; if a > 1 { 2 }
if 1 { 2 } else { 3 }; (if a > 1 { 2 } else { 3 }) + 1; if a > 1 { 2 } else { 3 } + 1; if true { 1 } else { nil }
a ?? 1; lost ?? 1; lost ?? lost ?? 2; nil ?? 3; lost ?? a + 1; (lost ?? a) + 1; 1 + lost ?? 2; lost ?? nil
lost ?? true; a ?? b > 1; (a ?? b) > 1; lost == nil ? a : lost; lost != nil and lost > 1; lost == nil or lost > 1
nil ?? nil; -lost ?? 1; a > (lost ?? 2) ? 1 : 0; lost ?? [1]
"""

LISTS = """
[]; [1, 2, 3]; [1, 2.5]; [1, true, nil]; [[1], [2, 3]]; [1,]; [,]; [1 2]; [1, 2; 1..3; 3..1; 1..1; -2..2; 1..2.5
a..3; (1..3)[1]; 1..3[0]; [1, 2, 3][0]; [1, 2, 3][-1]; [1, 2, 3][3]; [1, 2, 3][-4]; [1, 2][1.0]; [1, 2][true]
[1, 2][a]; [1][nil]; 1[0]; a[0]; nil[0]; [[1, 2], [3]][0][1]; [1, 2, 3][1:]; [1, 2, 3][:2]; [1, 2, 3][1:2]
[1, 2, 3][:]; [1, 2, 3][-2:]; [1, 2, 3][:-1]; [1, 2, 3][5:]; [1, 2, 3][2:1]; [1, 2][0:9]; a[1:]; [1, 2][1.5:]
[1, 2][nil:]; [1, 2]?.[0]; nil?.[0]; first([])?.[0]; first([nil])?.[0] ?? 4; (1..5)[1:3]; [1, 2, 3][:2][1]
[1, 2][::1]; len([1, 2]); len([]); len(1..5); len(1); len(nil); len(); len([1], [2]); first([1, 2]); first([])
last([1, 2]); last([]); first(1); first(1..3); get([1, 2], 1); get([1, 2], 5); get([1, 2], -1); get([1], 1.5)
get(1, 0); get([1]); get(first([1]), 0); get(1..3, 0) + 1; get(nil, 1); take([1, 2, 3], 2); take([1], 5)
take([1, 2], -1); take([1, 2], 1.5); take(1, 1); take(1..9, 3); reverse([1, 2, 3]); reverse(1..3); reverse(1)
uniq([1, 2, 1, 1.0, true, true, nil, nil]); uniq([[1], [1.0], [2]]); uniq(1); concat([1], [2, 3]); concat([1], 2..4)
concat([1], 2); concat(); flatten([1, [2, [3, [4]]]]); flatten([[1, 2], 3..5]); flatten([]); flatten(1)
sort([3, 1, 2]); sort([3, 1.5, 2]); sort([3, 1, 2], "desc"); sort([1], "asc"); sort([1, true]); sort([])
sort([true]); sort(1); sort([2, 1], "x"); sort([2, 1], 1); sort(3..1); sort(1..3, "desc"); sort([nil, 1])
sort([[1], [2]]); max(1, 2); max([1, 2.5]); max(a, b, c); max([]); max(1); max(); max(true); max([true]); max(nil)
max([1, [5, 2]], 3); max(1, 2.5) % 2; max([1], nil); min(1, 2); min([1, 0.5, 2]); min(a, b); min(1..5)
min([[3, 1], 2]); min(1, "x"); mean([1, 2, 3]); mean(1, 2); mean([]); mean(a, [b, c]); mean(true); mean()
median([1, 5, 3]); median([1, 2, 3, 4]); median(a, b); median([]); median([true]); mean([1, [2, 3]]); mean([nil])
median(1, [2, 9]); abs(-1); abs(-1.5); abs(a); abs(b); abs(true); abs(nil); abs(); abs(lost); ceil(1.2); ceil(-1.2)
ceil(3); floor(1.7); floor(-1.2); floor(3); round(2.5); round(-2.5); round(0.5); round(-0.5); round(1.4999)
round(0.49999999999999994); round(3); round([1]); round(1 / 0); floor(0 / 0); int(2.7); int(-2.7); int(3); int(true)
int(nil); int([1]); float(1); float(1.5); float(true); float(nil); float(a > 1); int(a) % 2; float(int(b))
bitand(6, 3); bitor(6, 3); bitxor(6, 3); bitnand(6, 3); bitnot(5); bitshl(1, 3); bitshl(1, 70); bitshl(1, 63)
bitshr(-16, 2); bitushr(-16, 2); bitshl(1, -1); bitand(1.5, 2); bitand(a, 2); bitand(int(a), 2); bitand(1)
bitnot(1.5); bitnot(1, 2); bitushr(-1, 64); bitshr(-1, 100); bitor(true, 1)
"""

PREDICATES = """
all([1, 2], # > 0); all([1, 2], {# > 1}); all([], # > 1); any([1, 2], # > 1); any([], # > 1); none([1, 2], # > 5)
none([], true); one([1, 2], # == 1); filter(1..5, # % 2 == 0); filter([a, b, c], # > 0); filter([1, 2], #)
filter([true, false], #); filter([], # > 1); filter([1], 1); filter(1, # > 1); map(1..3, # * 2); map([a, b], # > 0)
map(1..3, #index); map([], 1); map([1, 2], nil); map([1, 2], [#, 1]); count([1, 2, 3], # > 1)
count([true, false, true]); count([1, 2]); count([]); count([a, b, c], {# > 1}) > 1 ? 5 : 0; count(1..9, # > 3) >= 2
sum([1, 2, 3]); sum([1, 2.5]); sum([]); sum(1..100); sum([1, 2], # * 2); sum([true]); sum([nil]); sum([a, b, c]) / 3
sum([[1], [2]], len(#)); sum(1); find([1, 2, 3], # > 1); find([1], # > 1); findIndex([1, 2], # > 1)
findIndex([1], # > 1); findLast([1, 2, 3], # < 3); findLastIndex([1, 2, 3], # < 3); find([1, 2], # > 5) == 3
find([1, 2], # > 5) ?? 0; find([1, 2], # > 5) == nil; findIndex([1], # > 5) + 1; find([1.5, 2], # > 1) == 2
find([1, 2], # > 1) == 2; reduce(1..5, #acc + #); reduce(1..5, #acc + #, 10); reduce([], #acc + #)
reduce([], #acc + #, 7); reduce([1], #acc * #); reduce(1..3, #acc + #index, 0); reduce(1..3, [#acc, #], [])
reduce([1, 2, 3], # > #acc ? # : #acc); reduce(1..4, nil); reduce(1..3, #acc and #, true); reduce([3, 4], #index)
sortBy([3, 1, 2], #); sortBy([3, 1, 2], -#); sortBy([3, 1, 2], #, "desc"); sortBy([1, 2], [#])
sortBy([1, 2], # > 1); sortBy([1], true); sortBy(1..4, # % 2); sortBy([1, 2], nil); sortBy([3, 1], #, "up")
sortBy(1, #); map(filter(1..9, # > 4), # - 4); filter([1, 2, 3], any([2, 3], # > 2)); map([[1, 2], [3]], sum(#))
all([[1]], all(#, # > 0)); map([1, 2], map([3, 4], # + 1)); count([1, 2, 3], # in [2, 3]); # > 1; [#]
map([1], #acc); filter([1], #index > 0); count([1], #foo); map([1], # .a); map([1], ##)
[1, 2, 3] | filter(# > 1) | map(# * 2) | sum(); [3, 1] | sort() | first(); a | max(b); 1..5 | reduce(#acc + #)
[1, 2] | len; [1] | foo(); 1 | 2; a + 1 | abs(); [1, 2] | sum() + 1; ([1, 2] | sum()) + 1; [1, 2] | first()[0]
all([1]); filter([1]); all([1], # > 0, 2); filter([1], # > 0,); all([1] # > 0); any([1, 2], {# > 1)
filter([1, 2, 3], # > 1)[0]; filter([1, 2, 3], # > 5)[0]; len(filter(1..9, # > 3))
count(filter(1..9, # > 3), # < 6); first(filter(1..9, # > 3)); filter(1..9, # > 3)[-1]
any(1..9, # > 3) and all(1..9, # > 0); not any([1], # > 1); sum(filter([a, b, c], # > 0)); sum(map(1..3, # * 1.5))
max(map([a, b], abs(#))); len(1..3 | map(#))
"""


def written() -> list[str]:
    """Every one of them once."""
    parts = (NUMBERS, LOGIC, LISTS, PREDICATES, SPELLING)
    return list(dict.fromkeys([*(one for part in parts for one in _split(part)), *SEQUENCES]))


SEQUENCES = (
    "let x = 1; x",
    "let x = a; x * x",
    "let x = 1; let y = 2; x + y",
    "let x = 1; let x = 2; x",
    "let a = 1; a",
    "let max = 1; max",
    "let x = x; x",
    "let x = 1 x",
    "let = 1; 1",
    "let x = nil; x ?? 2",
    "let x = [1, 2]; x[1]",
    "let x = (let y = 2; y * y); x + 1",
    "(let x = 1; x) + x",
    "let x = a > 1 ? 1 : 2; x",
    "let x = 1; 2",
    "let x = 1; let y = x; y",
    "let x = let y = 1; y; x",
    "map(1..3, {let x = #; x * x})",
    "map(1..2, {#; 1})",
    "map(1..3, let x = #; x)",
    "if (a > 1) { a; b } else { c }",
    "if a > 1 { let x = 2; x } else { 3 }",
    "(1; 2)",
    "1; 2",
    "1;",
    "1; 2;",
    "1;; 2",
    "(a; b; c)",
    "(1; unknown)",
    "(1;)",
    "[1; 2]",
    "max(1; 2)",
)

SPELLING = """
unknown; unknown + 1; foo(1); a(1); true(1); nil(); a b; 1 1; ); (; [; {; a +; +; * 2; a ? b; a ? b :; a : b; ()
/* nothing */ 1; 1 /* in */ + 2; 1 // at the end; // all; /* open; 1 /**/ + /* a */ 2; a+b; a>1?1:0; @; a @ b; a = 1
a =< 1; a <> b; a => b; a & b; ~a; a | b; a ! b; ::max(1, 2); ::foo(1); ::sum([1, 2]); max ( 1 , 2 ); MAX(1)
Max(1, 2); notx; not_x; inx; ifx; a in; in a; not; and; a and; a not b; a not in; a !in [1]; let; if; else; if a
a?1:2; a?.5:1; a>1?.5:1; a ? .5 : 1; 1<2; 1<-2; a<b; a>-b; a--b; a**-2; 2**-a; -a**2; !a>1
"""


def _split(text: str) -> list[str]:
    """One line holds several, a semicolon and a blank apart."""
    return [one.strip() for line in text.strip().splitlines() for one in line.split("; ")]


LEFT_OUT = (
    '"text"',
    "'a' + 'b'",
    "`raw`",
    '"a" == "a"',
    '"abc" matches "b"',
    '"abc" contains "b"',
    '"abc" startsWith "a"',
    '"abc" not endsWith "c"',
    "string(a)",
    "type(a)",
    "upper('a')",
    "split('a,b', ',')",
    "len('abc')",
    "int('5')",
    "float('5')",
    "[1, 'x']",
    "{x: 1}",
    "{'x': 1}.x",
    "{}",
    "groupBy([1, 2], # % 2)",
    "keys({x: 1})",
    "toPairs({x: 1})",
    "fromPairs([[1, 2]])",
    "toJSON(a)",
    "fromJSON('1')",
    "toBase64('x')",
    "now()",
    "now().Year()",
    "duration('1h')",
    "date('2026-01-01')",
    "timezone('UTC')",
    "$env",
    "$env.a",
    "$env['a']",
    "b'bytes'",
)
"""The language has it, this version has not: each is refused by name."""

TOO_LARGE = (
    "len(1..1001)",
    "sum(map(1..1000, sum(map(1..100, #))))",
    "reduce(1..100, concat(#acc, 1..100), []) | len()",
    "1" + " + 1" * 300,
    "[" + "1, " * 1000 + "1]",
    "1 + " + " " * 5000 + "1",
    "(" * 60 + "1" + ")" * 60,
    "-" * 80 + "1",
    "flatten(reduce(1..200, [#acc], []))",
)
"""The reference computes them, and would go on far beyond."""

OTHERWISE = (
    "int(1e300)",
    "int(0 / 0)",
    "1 + findLast([1, 2], # > 1)",
    "[1, findLastIndex([1, 2], # > 1)]",
    "1 + filter([1, 2], # > 0)[-1]",
    "map([], 1 % 0)",
    "concat([]) == nil",
    "concat([], []) ?? 5",
    "sum(1..5000)",
    "max",
)
"""Where Go's own corners show, and ours differ: `differences-from-keda.md`."""


class Writer:
    """Writes formulas that mostly make sense, as deep as told. Equal randomness writes equal formulas."""

    def __init__(self, random: Random, names: tuple[str, ...] = ("a", "b", "c")) -> None:
        self._random, self._names = random, names
        self._inside = 0

    def formula(self, depth: int = 4) -> str:
        return self._pick(self.number, self.number, self.number, self.truth, self.list)(depth)

    def number(self, depth: int) -> str:
        if depth <= 0:
            return self._atom()
        inner = depth - 1
        return self._pick(
            lambda: f"{self.number(inner)} {self._of('+', '-', '*', '/')} {self.number(inner)}",
            lambda: f"({self.number(inner)} {self._of('+', '-', '*', '/')} {self.number(inner)})",
            lambda: f"{self.truth(inner)} ? {self.number(inner)} : {self.number(inner)}",
            lambda: f"if {self.truth(inner)} {{ {self.number(inner)} }} else {{ {self.number(inner)} }}",
            lambda: f"{self._of('abs', 'ceil', 'floor', 'round', 'float', 'max', 'min')}({self.number(inner)})",
            lambda: f"{self._of('max', 'min', 'mean', 'median')}({self.number(inner)}, {self.number(inner)})",
            lambda: f"{self._of('sum', 'max', 'min', 'mean', 'median', 'len')}({self.list(inner)})",
            lambda: f"count({self.list(inner)}, {self.predicate(inner)})",
            lambda: f"sum({self.list(inner)}, {self._within(self.number, inner)})",
            lambda: f"reduce({self.list(inner)}, #acc + #, {self._whole()})",
            lambda: f"({self.list(inner)} | {self._of('sum()', 'len()', 'first()', 'max()')})",
            lambda: f"(find({self.list(inner)}, {self.predicate(inner)}) ?? {self._atom()})",
            lambda: f"findIndex({self.list(inner)}, {self.predicate(inner)})",
            lambda: f"(let {(name := self._fresh())} = {self.number(inner)}; {name} * {self.number(inner)})",
            lambda: f"-{self.number(0)}",
            lambda: f"{self._whole()} % {self._of('3', '7', 'len([1])')}",
            lambda: f"{self.number(0)} ** {self._of('2', '3', '0.5')}",
            lambda: f"bit{self._of('and', 'or', 'xor', 'nand', 'shl', 'ushr')}({self._whole()}, {self._whole()})",
            lambda: f"{self.list(inner)}[{self._of('0', '1')}]",
            lambda: f"int({self._atom()})",
            lambda: f"({self.number(inner)} ?? {self._atom()})",
            lambda: self._odd(inner),
        )()

    def truth(self, depth: int) -> str:
        inner = max(0, depth - 1)
        return self._pick(
            lambda: f"{self.number(inner)} {self._of('<', '>', '<=', '>=', '==', '!=')} {self.number(inner)}",
            lambda: self._joined(inner) if depth > 0 else "true",
            lambda: f"not ({self.truth(inner)})" if depth > 0 else "false",
            lambda: f"{self._of('all', 'any', 'none', 'one')}({self.list(inner)}, {self.predicate(inner)})",
            lambda: f"{self.number(0)} {self._of('in', 'not in')} {self.list(inner)}",
            lambda: f"{self._whole()} < {self._atom()} <= {self._whole()}",
        )()

    def _joined(self, depth: int) -> str:
        return f"({self.truth(depth)} {self._of('and', 'or', '&&', '||')} {self.truth(depth)})"

    def list(self, depth: int) -> str:
        inner = max(0, depth - 1)
        plain: list[Callable[[], str]] = [
            lambda: f"[{', '.join(self.number(inner - 1) for _ in range(self._random.randint(0, 4)))}]",
            lambda: f"({self._whole()}..{self._whole()})",
        ]
        if depth <= 0:
            return self._pick(*plain)()
        return self._pick(
            *plain,
            lambda: f"filter({self.list(inner)}, {self.predicate(inner)})",
            lambda: f"map({self.list(inner)}, {self._within(self.number, inner)})",
            lambda: f"{self._of('sort', 'reverse', 'uniq', 'flatten')}({self.list(inner)})",
            lambda: f"sortBy({self.list(inner)}, {self._of('#', '-#')})",
            lambda: f"concat({self.list(inner)}, {self.list(inner)}, [1])",
            lambda: f"take({self.list(inner)}, {self._of('1', '3')})",
            lambda: f"{self.list(inner)}[{self._of('1:', ':2', '-2:', ':')}]",
        )()

    def predicate(self, depth: int) -> str:
        body = self._within(self.truth, min(depth, 1))
        return self._of(body, f"{{{body}}}")

    def _within(self, part: Callable[[int], str], depth: int) -> str:
        self._inside += 1
        body = part(depth)
        self._inside -= 1
        return body

    def _odd(self, depth: int) -> str:
        """Rarely does it make sense."""
        wrong = (f"{self.truth(depth)} + 1", f"{self.list(depth)} > 1", f"{self._atom()} ? 1 : 2")
        return self._of(*wrong, "nil", "a % 2", "d")

    def _atom(self) -> str:
        pointer = ("#", "#", "#") if self._inside else ()
        return self._of(*self._names, *pointer, self._whole(), self._of("0.5", "2.5", "1e3", "10.25"))

    def _whole(self) -> str:
        return str(self._random.randint(0, 9))

    def _fresh(self) -> str:
        return f"x{self._random.randint(0, 10**9)}"

    def _of(self, *choices: str) -> str:
        return self._random.choice(choices)

    def _pick(self, *choices: Callable[..., str]) -> Callable[..., str]:
        return self._random.choice(choices)
