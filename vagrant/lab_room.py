"""The room of one lab: its file tree, its network, its processes. Knows nothing of telephony.

Needs root. Everything that is made here can be found again from its name alone, so that what a killed lab left behind is
cleared by the next one.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

# What a chroot sees of /dev. Single nodes, never the host's whole /dev: nothing of the host can be removed by mistake.
DEVICES = ("null", "zero", "full", "random", "urandom", "tty")

# The host's variables do not reach into the room, but for these.
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
    "HOME": "/root",
}


class LabError(Exception):
    """The lab cannot do what it was asked for; the text is one line for the person who asked."""


def until(condition: Callable[[], object], seconds: float, what: str) -> None:
    """Wait until the condition holds; LabError when it does not within so many seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise LabError(f"waited {seconds:g} s in vain until {what}")
        time.sleep(0.05)


def run(*words: str | Path, **options: object) -> None:
    """Run a command of the host; LabError with its last words where it fails."""
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False, **options)  # type: ignore[call-overload]
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().splitlines()[-3:] or ["(it said nothing)"]
        raise LabError(f"{' '.join(map(str, words))}: {' / '.join(said)}")


# ---------------------------------------------------------------- file tree


def mount_overlay(base: Path, room: Path) -> None:
    """A writable view of the base at room/root; a plain copy where the kernel or the container refuses overlays."""
    if _overlay(base, room, room):
        return
    # A container's own file system is often an overlay, which cannot carry another one's upper layer: memory can.
    (room / "memory").mkdir()
    if _try("mount", "-t", "tmpfs", "lab", room / "memory") and _overlay(base, room, room / "memory"):
        return
    unmount(room / "memory")
    run("cp", "-a", "--reflink=auto", f"{base}/.", room / "root")


def _overlay(base: Path, room: Path, layers: Path) -> bool:
    for folder in (layers / "upper", layers / "work", room / "root"):
        folder.mkdir(exist_ok=True)
    options = f"lowerdir={base},upperdir={layers / 'upper'},workdir={layers / 'work'}"
    return _try("mount", "-t", "overlay", "lab", "-o", options, room / "root")


def _try(*words: str | Path) -> bool:
    return subprocess.run([str(word) for word in words], capture_output=True, check=False).returncode == 0


def mount_system(root: Path) -> None:
    """/proc and a small /dev, which programs expect."""
    for folder in ("proc", "dev"):
        (root / folder).mkdir(exist_ok=True)
    if not _try("mount", "-t", "proc", "proc", root / "proc"):
        run("mount", "--bind", "/proc", root / "proc")
    run("mount", "-t", "tmpfs", "-o", "mode=755", "dev", root / "dev")
    for name in DEVICES:
        node = root / "dev" / name
        node.touch()
        run("mount", "--bind", f"/dev/{name}", node)
    (root / "dev/fd").symlink_to("/proc/self/fd")
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        (root / "dev" / name).symlink_to(f"fd/{number}")
    (root / "dev/shm").mkdir()
    (root / "dev/shm").chmod(0o1777)


def clear(folder: Path) -> None:
    """Unmount everything in the folder and remove it. Nothing is removed while anything is mounted there."""
    unmount(folder)
    if folder.exists():
        shutil.rmtree(folder)


def unmount(folder: Path) -> None:
    """Unmount everything in the folder."""
    for point in mount_points(folder):
        if not _try("umount", point):
            run("umount", "--lazy", point)
    if left := mount_points(folder):
        raise LabError(f"{left[0]} is still mounted")


def mount_points(folder: Path) -> list[Path]:
    """What is mounted in the folder, innermost first."""
    points = (Path(fields[4].replace(r"\040", " ")) for fields in _mounts())
    return [point for point in reversed(list(points)) if point == folder or folder in point.parents]


def is_lower_layer(base: Path) -> bool:
    """Whether a running lab stands on this base."""
    return any(f"lowerdir={base}," in fields[-1] for fields in _mounts())


def _mounts() -> Iterator[list[str]]:
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        yield line.split()


# ---------------------------------------------------------------- network


def add_network(name: str) -> None:
    """A network of its own, in which only loopback is used."""
    run("ip", "netns", "add", name)
    run("ip", "-n", name, "link", "set", "lo", "up")
    # Where there is no network card at all, `asterisk -rx` complains before each answer. Some kernels cannot make one. It
    # stays down, and its address is one for examples (RFC 5737).
    if any(_try("ip", "-n", name, "link", "add", "eth0", "type", kind) for kind in ("dummy", "veth")):
        run("ip", "-n", name, "addr", "add", "192.0.2.1/32", "dev", "eth0")


def remove_network(name: str) -> None:
    if network(name).exists() and not _try("ip", "netns", "del", name):
        # "add" was killed between making the file and mounting the network on it.
        _try("umount", network(name))
        network(name).unlink()


def network(name: str) -> Path:
    return Path("/run/netns") / name


# ---------------------------------------------------------------- processes


def entrance(root: Path, net: str = "", user: str | None = None) -> list[str]:
    """The words before a command that is to run in the room; without a network: in the host's.

    Each program replaces itself by the next one: the pid is the command's.
    """
    enter = ["nsenter", f"--net={network(net)}"] if net else []
    become = [f"--userspec={user}:{user}"] if user else []
    return [*enter, "chroot", *become, str(root)]


def processes(root: Path, net: str) -> list[int]:
    """Every living process in this file tree or this network."""
    return [pid for pid in _pids() if _lives_in(pid, root, net)]


def _pids() -> Iterator[int]:
    return (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())


def _lives_in(pid: int, root: Path, net: str) -> bool:
    # A process that has just ended, or a zombie, has neither; it is nobody's.
    with suppress(OSError):
        if Path(f"/proc/{pid}/root").readlink() == root:
            return True
    with suppress(OSError):
        return os.path.samestat(Path(f"/proc/{pid}/ns/net").stat(), network(net).stat())
    return False


def kill_processes(root: Path, net: str) -> None:
    """End every process of the room, at once: there is nothing in it that is to be kept."""

    def none_left() -> bool:
        left = processes(root, net)
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return not left

    until(none_left, 15, f"the processes in {root} had ended")
