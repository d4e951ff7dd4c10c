"""`scaler run`: the daemon. Only flags are read here, our own and KEDA's (`scaler.flags`); what they start is
`scaler.daemon`'s business."""

from pathlib import Path
from typing import Annotated

import typer

CONTEXT = {"allow_extra_args": True, "ignore_unknown_options": True}
"""KEDA's flags are none of ours; `scaler.flags` knows which of them mean something."""


def run(
    ctx: typer.Context,
    standalone: Annotated[
        Path | None,
        typer.Option("--standalone", metavar="DIR", help="Scale local processes, from a folder of manifests."),
    ] = None,
    kubeconfig: Annotated[Path | None, typer.Option(help="A kubeconfig, outside of a cluster.")] = None,
    context: Annotated[str | None, typer.Option(help="Its context.")] = None,
    namespaces: Annotated[str | None, typer.Option(help="Namespaces to serve, separated by commas.")] = None,
    observe: Annotated[bool, typer.Option("--observe", help="Decide and show everything, write nothing.")] = False,
    take_over_metrics_api: Annotated[
        bool, typer.Option("--take-over-metrics-api", help="Take over somebody else's APIService.")
    ] = False,
    strict_admission: Annotated[
        bool, typer.Option("--strict-admission", help="Refuse objects whose triggers cannot work.")
    ] = False,
    listen: Annotated[str | None, typer.Option(help="Address of /healthz, /readyz and /metrics.")] = None,
    log_level: Annotated[str | None, typer.Option(help="debug, info, warning, error or critical.")] = None,
    log_format: Annotated[str | None, typer.Option(help="text or json.")] = None,
    metric_max_age: Annotated[str | None, typer.Option(help="How old a reading may be for a metric request.")] = None,
    reload: Annotated[str | None, typer.Option(help="How often the folder is looked at.")] = None,
    config: Annotated[Path | None, typer.Option(help="A YAML file of settings.")] = None,
) -> None:
    """Run the daemon until SIGTERM or Ctrl-C."""
    from scaler import flags, logs, settings
    from scaler.errors import ManifestError

    if standalone is not None and ctx.args:
        raise ManifestError({ctx.args[0]: "is not known here"})
    theirs = flags.read(ctx.args, [name for one in ctx.command.params for name in one.opts])
    own = {
        "listen": listen,
        "logLevel": log_level,
        "logFormat": log_format,
        "metricMaxAge": metric_max_age,
        "reload": reload,
        "kubeconfig": str(kubeconfig) if kubeconfig else None,
        "context": context,
        "namespaces": namespaces,
        "observe": "true" if observe else None,
        "takeOverMetricsApi": "true" if take_over_metrics_api else None,
        "strictAdmission": "true" if strict_admission else None,
    }
    written = {**theirs.settings, **{name: text for name, text in own.items() if text is not None}}
    defaults = flags.DEFAULTS if ctx.args and settings.in_cluster() else {}
    given = settings.read(written, config, defaults)
    if standalone is not None and not standalone.is_dir():
        raise ManifestError({"--standalone": f"{standalone} is not a folder"})
    if standalone is None and not given.kubeconfig and not settings.in_cluster():
        problem = "there is no cluster: give --standalone DIR, or --kubeconfig FILE, or run it as a pod"
        raise ManifestError({"run": problem})
    logs.configure(given.log_level, given.log_format)
    flags.say(theirs)
    if standalone is not None:
        from scaler.daemon.standalone import run as run_standalone

        run_standalone(standalone, given)
    else:
        from scaler.daemon.kubernetes import run as run_kubernetes

        run_kubernetes(given)
