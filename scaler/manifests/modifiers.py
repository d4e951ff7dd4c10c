"""`advanced.scalingModifiers` of a ScaledObject: which triggers its formula hears, by which names, and what it makes of
them (KEDA behaviour 3.9). That the formula is one, the declared class says; what comes of it, the core."""

from collections.abc import Iterator, Mapping
from typing import Any

from scaler.core import formula, naming
from scaler.core.model import Goal, MetricType
from scaler.manifests.scaled_object import USAGE, ScaledObjectSpec
from scaler.manifests.watched import Trigger


def there(body: Mapping[str, Any]) -> bool:
    """Whether a manifest has a formula, also where the rest of it cannot be read."""
    found: Any = body
    for name in ("spec", "advanced", "scalingModifiers", "formula"):
        found = found.get(name) if isinstance(found, Mapping) else None
    return bool(found)


def variables(spec: ScaledObjectSpec, triggers: tuple[Trigger, ...]) -> tuple[tuple[str, str], ...]:
    """The names of a formula, each with its metric; of several metrics of one trigger it is the last, as with KEDA."""
    heard = spec.variables if spec.modifiers else ()
    return tuple((one.name, one.goals[-1].metric) for one in triggers if one.name in heard and one.goals)


def composite(spec: ScaledObjectSpec) -> Goal | None:
    """What the formula's metric aims at; `None` without a formula."""
    if (modifiers := spec.modifiers) is None:
        return None
    kind = MetricType(modifiers.metric_type or MetricType.AVERAGE_VALUE)
    return Goal(naming.COMPOSITE, float(modifiers.target), float(modifiers.activation_target or 0), kind)


def unheard(spec: ScaledObjectSpec) -> Iterator[tuple[str, str]]:
    """Triggers whose value never reaches the formula, by path."""
    if spec.modifiers is None:
        return
    used = formula.compiled(spec.modifiers.formula, spec.variables).names
    for index, trigger in enumerate(spec.triggers):
        path = f"spec.triggers[{index}].name"
        if trigger.type not in USAGE and not trigger.name:
            yield path, "is not given, so the formula cannot use the trigger's value"
        elif trigger.name and trigger.type in USAGE:
            yield path, f"the formula cannot use the value of a {trigger.type} trigger"
        elif trigger.name and trigger.name not in used:
            yield path, "is not used by the formula"
