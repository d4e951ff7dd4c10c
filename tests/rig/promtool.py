"""promtool, which reads metrics and rules as Prometheus does: out of Debian's package, unpacked and not installed, so
that it needs no privilege. Where there is no apt there is none."""

import shutil
import subprocess
from pathlib import Path

from tests.rig import cache

PACKAGE = "prometheus"
RELEASE = "1"
"""Of this recipe: the package's own version is what the machine's Debian has."""


def fetch() -> Path:
    """The program, unpacked first if it is not there."""
    whole = cache.entry("promtool", RELEASE, _unpack, cost="about 20 s, 30 MB by apt")
    return whole / "usr" / "bin" / "promtool"


def promtool(program: Path, *arguments: str, piped: str = "") -> subprocess.CompletedProcess[str]:
    """What it says to that."""
    return subprocess.run([program, *arguments], input=piped, capture_output=True, text=True, check=False, timeout=60)


def _unpack(folder: Path) -> None:
    """With lists of its own: those of the machine may be old, or missing, and are not ours to renew."""
    apt, dpkg = cache.tool("apt-get"), cache.tool("dpkg-deb")
    for name in ("lists/partial", "cache/archives/partial"):
        (folder / name).mkdir(parents=True)
    own = ["-o", f"Dir::State::lists={folder}/lists", "-o", f"Dir::Cache={folder}/cache", "-o", "APT::Sandbox::User="]
    cache.call([apt, *own, "-qq", "update"], cwd=folder)
    cache.call([apt, *own, "-qq", "download", PACKAGE], cwd=folder)
    [package] = folder.glob(f"{PACKAGE}_*.deb")
    cache.call([dpkg, "-x", str(package), str(folder)], cwd=folder)
    for left in ("lists", "cache"):
        shutil.rmtree(folder / left)
    package.unlink()
    (folder / "usr" / "bin" / "prometheus").unlink()
