"""The words of the language: its operators with how much they bind, its builtins, and those that are left out here."""

PREDICATES = {
    **dict.fromkeys(("all", "none", "any", "one", "filter", "map"), (2, 2)),
    **dict.fromkeys(("find", "findIndex", "findLast", "findLastIndex"), (2, 2)),
    **dict.fromkeys(("count", "sum"), (1, 2)),
    **dict.fromkeys(("sortBy", "reduce"), (2, 3)),
}
"""Builtins whose second argument is computed for each element of the first; how many arguments they take."""

FUNCTIONS = frozenset(
    (
        *("len", "abs", "ceil", "floor", "round", "int", "float", "max", "min", "mean", "median", "first", "last"),
        *("get", "take", "reverse", "uniq", "concat", "flatten", "sort"),
        *("bitand", "bitor", "bitxor", "bitnand", "bitnot", "bitshl", "bitshr", "bitushr"),
    ),
)
"""All other builtins that are there."""

LEFT_OUT = {
    **dict.fromkeys(("trim", "trimPrefix", "trimSuffix", "upper", "lower", "split", "splitAfter", "replace"), "text"),
    **dict.fromkeys(("repeat", "join", "indexOf", "lastIndexOf", "hasPrefix", "hasSuffix", "string", "type"), "text"),
    **dict.fromkeys(("keys", "values", "toPairs", "fromPairs", "groupBy"), "a map"),
    **dict.fromkeys(("toJSON", "fromJSON"), "JSON"),
    **dict.fromkeys(("toBase64", "fromBase64"), "base64"),
    **dict.fromkeys(("now", "duration", "date", "timezone"), "a time"),
}
"""Builtins of the language that are not there, and what they would work with."""

BUILTINS = FUNCTIONS | PREDICATES.keys() | LEFT_OUT.keys()

UNARY = {"not": 50, "!": 50, "-": 90, "+": 90}
BINARY = {
    "|": 0,
    **dict.fromkeys(("or", "||"), 10),
    **dict.fromkeys(("and", "&&"), 15),
    **dict.fromkeys(("==", "!=", "<", ">", ">=", "<=", "in", "matches", "contains", "startsWith", "endsWith"), 20),
    "..": 25,
    **dict.fromkeys(("+", "-"), 30),
    **dict.fromkeys(("*", "/", "%"), 60),
    **dict.fromkeys(("**", "^"), 100),
    "??": 500,
}
COMPARISONS = frozenset(("<", ">", ">=", "<="))
OF_TEXT = frozenset(("matches", "contains", "startsWith", "endsWith"))
NEGATABLE = OF_TEXT | {"in"}
CONSTANTS = {"true": True, "false": False, "nil": None}
