"""All builtins that take values alone. Those that take a predicate are in `predicates`; what the parser lets through is
what has an entry here or there, and `sort`, whose order is text."""

from scaler.core.formula.aggregates import AGGREGATES
from scaler.core.formula.lists import LISTS
from scaler.core.formula.numeric import NUMERIC

FUNCTIONS = {**NUMERIC, **AGGREGATES, **LISTS}
