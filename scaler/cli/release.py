"""`scaler release`: gives a cluster back to KEDA, while no daemon runs. It writes as whoever calls it, by his
kubeconfig, and holds the Leases meanwhile; repeated, it does what is left to do."""

import asyncio
import json
import uuid
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from scaler.cli import Output, OutputOption
from scaler.cli.adopt import ContextOption, KubeconfigOption, of_whoever_calls
from scaler.clock import Clock, boottime
from scaler.errors import ManifestError
from scaler.kubernetes.api import Api
from scaler.kubernetes.changes import OBJECT
from scaler.kubernetes.handover.handback import (
    Deed,
    Remark,
    carried_out,
    deeds,
    leads,
    lease_of,
    nobody_leading,
    remarks,
    told,
)
from scaler.kubernetes.handover.survey import api_service, exists, held, leases, objects, services
from scaler.kubernetes.handover.takeover import LEASE, Led
from scaler.kubernetes.lease import Claim, Terms
from scaler.kubernetes.reach.endpoint import Service


def release(
    to: Annotated[
        str | None,
        typer.Option(metavar="NAMESPACE/SERVICE", help="KEDA's Service of external metrics: the APIService asks it."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be written, and write nothing.")] = False,
    kubeconfig: KubeconfigOption = None,
    context: ContextOption = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Give a cluster back to KEDA, while no daemon runs."""
    asyncio.run(_released(_service(to), dry_run=dry_run, kubeconfig=kubeconfig, context=context, output=output))


def _service(text: str | None) -> Service | None:
    if text is None:
        return None
    namespace, _, name = text.partition("/")
    if not namespace or not name or "/" in name:
        raise ManifestError({"--to": "must be NAMESPACE/SERVICE, such as keda/keda-operator-metrics-apiserver"})
    return Service(namespace, name)


async def _released(
    to: Service | None, *, dry_run: bool, kubeconfig: Path | None, context: str | None, output: Output
) -> None:
    async with Api(await of_whoever_calls(kubeconfig, context)) as api:
        if to is not None and not await exists(api, to.namespace, to.name):
            raise ManifestError({"--to": f"there is no Service {to}"})
        clock, found = Clock(), await held(api)
        if dry_run:
            _refuse(await leases(api))
            wanted, left = await _planned(api, to, clock())
            _show([*map(told, wanted), *_given_up(found)], left, output, dry_run=True)
            return
        claims = [(led, _claim(api, led, clock)) for led in found]
        async with nobody_leading(claims):
            wanted, left = await _planned(api, to, clock())
            written = [told(deed) async for deed in carried_out(api, wanted, [claim for _, claim in claims])]
        _show([*written, *_given_up(found)], left, output, dry_run=False)


async def _planned(api: Api, to: Service | None, now: float) -> tuple[tuple[Deed, ...], tuple[Remark, ...]]:
    listed, registered, ours = (await objects(api))[OBJECT], await api_service(api), await services(api)
    return deeds(listed, registered, ours, to=to, now=now), remarks(listed, registered, ours)


def _claim(api: Api, led: Led, clock: Clock) -> Claim:
    identity = f"scaler-release_{uuid.uuid4()}"
    return Claim(api, led.namespace, LEASE, identity=identity, terms=Terms(), wall=clock, steady=boottime)


def _refuse(found: tuple[Led, ...]) -> None:
    """As the real thing would."""
    if leading := {lease_of(one): leads(one.holder, one) for one in found if one.renewed}:
        raise ManifestError(leading)


def _given_up(found: tuple[Led, ...]) -> list[Remark]:
    return [Remark(lease_of(one), "is given up") for one in found]


def _show(written: list[Remark], left: tuple[Remark, ...], output: Output, *, dry_run: bool) -> None:
    if output is Output.JSON:
        parts = {"written": [asdict(one) for one in written], "remarks": [asdict(one) for one in left]}
        print(json.dumps({"dryRun": dry_run, **parts}, indent=2, ensure_ascii=False))
        return
    for one in written:
        print(f"{one.about}: {one.sentence}")
    for one in left:
        print(f"note: {one.about}: {one.sentence}")
    if dry_run:
        print("nothing was written")
