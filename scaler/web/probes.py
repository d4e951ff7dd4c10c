"""/healthz, /livez, /readyz as every API server of Kubernetes has them: `ok`, or the list of what fails. Open to
everybody; `health.py` has the plain listener's."""

from collections.abc import Callable, Mapping

from aiohttp import web

PAGES = ("healthz", "livez", "readyz")


def probed(request: web.Request, unready: Callable[[], str]) -> web.Response | None:
    """The answer to a probe, `None` for any other path; `unready` says what is not ready yet."""
    page, _, single = request.path[1:].partition("/")
    if page not in PAGES:
        return None
    checks = {"ping": "", **({"serving": unready()} if page == "readyz" else {})}
    if single:
        checks = {name: problem for name, problem in checks.items() if name == single}
        if not checks:
            return web.Response(text="there is no such check\n", status=404)
    failing = any(checks[name] for name in checks.keys() - set(request.query.getall("exclude", ())))
    if failing or "verbose" in request.query:
        return web.Response(text=_listed(page, checks, failing=failing), status=500 if failing else 200)
    return web.Response(text="ok")


def _listed(page: str, checks: Mapping[str, str], *, failing: bool) -> str:
    lines = [f"[-]{name} failed: {problem}" if problem else f"[+]{name} ok" for name, problem in checks.items()]
    return "\n".join((*lines, f"{page} check {'failed' if failing else 'passed'}", ""))
