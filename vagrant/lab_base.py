"""The cached chroot that labs stand on: Debian with Asterisk, and what the product depends on.

A base is named after what went into it, built beside its place and moved there when it is whole; two labs that come up at
once build it once.
"""

from __future__ import annotations

import configparser
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lab_room import ENVIRONMENT, LabError, clear, entrance, is_lower_layer, mount_system, run, unmount

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parent
CACHE = Path(os.environ.get("ASTERISK_MISSED_LAB_CACHE", "/var/cache/asterisk-missed-lab"))
MIRROR = os.environ.get("ASTERISK_MISSED_LAB_MIRROR", "http://deb.debian.org/debian")

# Debian's suites by Asterisk's version. Python in bullseye is too old for the product: only Asterisk runs there.
SUITES = {"22": "forky", "16": "bullseye"}
WITH_PRODUCT = ("22",)

# SIP drivers of the pbx by Asterisk's version, the usual one first: PJSIP, and chan_sip.
DRIVERS = {"22": ("pjsip",), "16": ("pjsip", "sip")}

# To be raised when the way in which a base is built changes.
FORMAT = 1

# Where the provisioning lies within a base.
INSIDE = "opt/asterisk-missed-lab"

# What the host needs: commands, and the keys that Debian's archive is signed with, by package.
COMMANDS = {"mmdebstrap": "mmdebstrap", "ip": "iproute2", "nsenter": "util-linux"}
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")

# The host's settings that pip in the chroot may need to reach its index.
PIP_SETTINGS = (
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "PIP_INDEX_URL",
    "PIP_DEFAULT_TIMEOUT",
)
CERTIFICATES = "etc/ssl/certs/ca-certificates.crt"

# A base that no lab has stood on for so long is removed, in seconds.
UNUSED = 14 * 24 * 3600


def base(version: str) -> Path:
    """The base with this Asterisk, built if there is none, or if what is there is broken."""
    suite = SUITES[version]
    key = _key(version)
    place = CACHE / suite / key[:16]
    with locked(f"base-{suite}") as lock:
        if not _whole(place, key):
            _build(version, place, key, lock)
        os.utime(place)
        _prune(place)
    return place


def prepare_host() -> None:
    """Root, and the tools that build a chroot. LabError says in one line what is missing."""
    if os.geteuid() != 0:
        raise LabError("the lab needs root (chroot, mounts, network namespaces): run it with sudo")
    missing = [package for command, package in COMMANDS.items() if not shutil.which(command, path=SYSTEM_PATH)]
    missing += [] if KEYRING.exists() else ["debian-archive-keyring"]
    if not missing:
        return
    if not shutil.which("apt-get"):
        raise LabError(f"the lab needs a Debian-like system, or these installed by hand: {', '.join(missing)}")
    print(f"lab: installing {', '.join(missing)}", flush=True)
    with locked("apt"):
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        run("apt-get", "update", "-q", env=environment)
        run("apt-get", "install", "-yq", "--no-install-recommends", *missing, env=environment)


@contextmanager
def locked(name: str) -> Iterator[int]:
    """One process at a time, on this host. The lock ends with its holder, however that ends."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield lock.fileno()


def _key(version: str) -> str:
    parts = [str(FORMAT), version, " ".join(_packages(version))]
    if version in WITH_PRODUCT:
        parts += [_requirements(), _function("python")]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _packages(version: str) -> list[str]:
    words = ["bash", str(HERE / "provision.sh"), "packages", version]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()


def _requirements() -> str:
    setup = configparser.ConfigParser(interpolation=None)
    setup.read(CHECKOUT / "setup.cfg")
    return setup["options"]["install_requires"]


def _function(name: str) -> str:
    """The text of one step of the provisioning: a base need not be built anew for a change in another."""
    text = (HERE / "provision.sh").read_text()
    start = text.index(f"\n{name}() {{")
    return text[start : text.index("\n}", start)]


def _whole(place: Path, key: str) -> bool:
    """Whether a base is as it was when it was built."""
    with suppress(OSError, ValueError):
        stamp = json.loads(_stamp(place).read_text())
        return bool(stamp == {"key": key, "files": _count(place)}) and _starts(place)
    return False


def _starts(place: Path) -> bool:
    words = [*entrance(place), "asterisk", "-V"]
    return subprocess.run(words, capture_output=True, env=ENVIRONMENT, check=False).returncode == 0


def _stamp(place: Path) -> Path:
    return place.with_name(place.name + ".json")


def _count(place: Path) -> int:
    return sum(len(files) + len(folders) for _, folders, files in os.walk(place))


def _build(version: str, place: Path, key: str, lock: int) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    # Only who has the lock builds: what is there was left by one who was killed. His children inherited the lock, so that
    # they are gone as well: mmdebstrap mounts parts of the host into the tree that is removed here.
    for leftover in place.parent.glob("building-*"):
        clear(leftover)
    _stamp(place).unlink(missing_ok=True)
    clear(place)
    building = place.with_name(f"building-{os.getpid()}")
    try:
        _fill(building, version, lock)
    except BaseException:
        clear(building)
        raise
    building.rename(place)
    _stamp(place).write_text(json.dumps({"key": key, "files": _count(place)}))


def _fill(building: Path, version: str, lock: int) -> None:
    suite = SUITES[version]
    print(f"lab: building the base with Asterisk {version} (Debian {suite}); once, about a minute", flush=True)
    run(
        "mmdebstrap",
        "--variant=apt",
        # Mirrors may be some weeks behind.
        '--aptopt=Acquire::Check-Valid-Until "false"',
        f"--include={','.join(_packages(version))}",
        suite,
        building,
        MIRROR,
        pass_fds=(lock,),
    )
    copy_provisioning(building)
    if version in WITH_PRODUCT:
        _install_python(building, lock)
    # A base has nothing mounted in it.
    unmount(building)


def copy_provisioning(root: Path) -> None:
    """The provisioning script and what it installs, as they stand in this checkout, into a file tree."""
    inside = root / INSIDE
    shutil.rmtree(inside, ignore_errors=True)
    (inside / "vagrant").mkdir(parents=True)
    shutil.copy(CHECKOUT / "setup.cfg", inside)
    shutil.copy(HERE / "provision.sh", inside / "vagrant")
    for side in ("pbx", "world"):
        shutil.copytree(HERE / side, inside / "vagrant" / side)


def provision(root: Path, *words: str, env: dict[str, str] | None = None, pass_fds: tuple[int, ...] = ()) -> None:
    """One step of the provisioning, in the file tree."""
    script = f"/{INSIDE}/vagrant/provision.sh"
    run(*entrance(root), "bash", script, *words, env={**ENVIRONMENT, **(env or {})}, pass_fds=pass_fds)


def _install_python(root: Path, lock: int) -> None:
    """pip runs in the chroot, on the host's network, with the host's resolver and certificates."""
    mount_system(root)
    shutil.copy("/etc/resolv.conf", root / "etc/resolv.conf")
    settings = {name: os.environ[name] for name in PIP_SETTINGS if name in os.environ}
    if (certificates := Path("/", CERTIFICATES)).exists():
        (root / CERTIFICATES).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(certificates, root / CERTIFICATES)
        settings["PIP_CERT"] = f"/{CERTIFICATES}"
    provision(root, "python", f"/{INSIDE}/setup.cfg", env=settings, pass_fds=(lock,))


def _prune(kept: Path) -> None:
    """Bases of other contents that were not used for long, and on which no lab stands."""
    for place in kept.parent.iterdir():
        old = place.is_dir() and place != kept and place.stat().st_mtime < time.time() - UNUSED
        if old and not is_lower_layer(place):
            _stamp(place).unlink(missing_ok=True)
            clear(place)
