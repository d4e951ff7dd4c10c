"""References to parameters: in order, later ones win (KEDA behaviour 2.2). A reference that cannot be resolved is an
error that names it; KEDA goes on with an empty value, and the trigger then fails for a reason that misleads."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from scaler.errors import CredentialError, Forbidden, NotFound

Read = Callable[[str, str], Awaitable[Mapping[str, str]]]
"""(kind, name) → the data of that object; raises `NotFound`, `Forbidden`."""


@dataclass(frozen=True, slots=True)
class Reference:
    """`parameter` is the value under `key` of the object `kind`/`name`; `path` is where the reference was written."""

    parameter: str
    kind: str
    name: str
    key: str
    path: str


async def resolve(references: Sequence[Reference], read: Read) -> dict[str, str]:
    """All parameters. Raises `CredentialError` with every reference that leads nowhere, never with a value."""
    found: dict[str, str] = {}
    problems: list[str] = []
    for reference in references:
        try:
            data = await read(reference.kind, reference.name)
            found[reference.parameter] = data[reference.key]
        except NotFound:
            problems.append(f"{reference.path}: there is no {reference.kind} {reference.name}")
        except Forbidden as error:  # rights may be given later, as what is missing may be made
            problems.append(f"{reference.path}: {error}")
        except KeyError:
            problems.append(f"{reference.path}: {reference.kind} {reference.name} has no key {reference.key}")
    if problems:
        raise CredentialError("; ".join(problems))
    return found
