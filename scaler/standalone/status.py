"""What a user can look at without asking the daemon: `.scaler/status.json`, with each object's conditions, each
Deployment's workers, each ScaledJob's Jobs and each file's problem."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from scaler.core.model import Condition, ConditionType, Target
from scaler.errors import ScalerError
from scaler.manifests.watched import Ref
from scaler.standalone.jobs.batch import Counts
from scaler.standalone.remembered import key_of


class Status:
    """Conditions by object; the rest is handed in when it is rendered."""

    def __init__(self) -> None:
        self._conditions: dict[Ref, dict[ConditionType, Condition]] = {}

    def show(self, ref: Ref, conditions: Iterable[Condition]) -> None:
        held = self._conditions.setdefault(ref, {})
        held.update((one.type, one) for one in conditions)

    def fault(self, ref: Ref, problem: ScalerError) -> None:
        self.show(ref, [Condition(ConditionType.READY, "False", problem.reason, str(problem))])

    def keep(self, refs: Iterable[Ref]) -> None:
        """Forget every object but these."""
        for gone in self._conditions.keys() - set(refs):
            del self._conditions[gone]

    def render(self, targets: Mapping[Ref, Target], jobs: Mapping[Ref, Counts], problems: Mapping[str, str]) -> bytes:
        shown: dict[str, Any] = {
            "objects": {key_of(ref): {"conditions": list(held.values())} for ref, held in self._conditions.items()},
            "deployments": {
                str(ref): {"wanted": target.wanted, "exists": target.exists, "ready": target.ready}
                for ref, target in targets.items()
            },
            "jobs": {str(ref): counts._asdict() for ref, counts in jobs.items()},
            "files": problems,
        }
        return msgspec.json.format(msgspec.json.encode(shown), indent=2) + b"\n"
