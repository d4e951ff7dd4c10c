"""How many ScaledObjects were looked at, and what was wrong with them: KEDA's two metrics of its webhook (KEDA
behaviour 5.3), as plain numbers by their labels."""

from collections import Counter
from collections.abc import Iterable, Mapping

VALIDATIONS = "keda_webhook_scaled_object_validations"
ERRORS = "keda_webhook_scaled_object_validation_errors"

MOST = 10_000
"""Series of each; whatever would be more is counted without its namespace: whoever reaches the port says it."""


class Validations:
    """Since the process began."""

    def __init__(self) -> None:
        self._looks: Counter[tuple[str, ...]] = Counter()
        self._errors: Counter[tuple[str, ...]] = Counter()

    def add(self, namespace: str, action: str, reasons: Iterable[str]) -> None:
        """One object; each of KEDA's rules that it breaks counts once."""
        _count(self._looks, (namespace, action))
        for reason in sorted(set(reasons) - {""}):
            _count(self._errors, (namespace, action, reason))

    def counts(self) -> Mapping[str, Mapping[tuple[str, ...], float]]:
        """Values by label values by the metric's name."""
        return {VALIDATIONS: dict(self._looks), ERRORS: dict(self._errors)}


def _count(counter: Counter[tuple[str, ...]], labels: tuple[str, ...]) -> None:
    counter[labels if labels in counter or len(counter) < MOST else ("", *labels[1:])] += 1
