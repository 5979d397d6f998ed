"""What the product's AMI user hears and may do: the text of its file ``manager.d/asterisk-missed.conf``.

Pure: text in, text out; whoever writes the file and has it loaded is another. Asterisk itself leaves out what the detector
does not read, so that a busy PBX costs the reader a fraction: the names are taken from the detector's own table.

Sources: configs/samples/manager.conf.sample; main/manager.c (match_filter: what an include names is sent, unless an
exclude names it too; filters are asked of events only, never of answers and lists). Measured on 16.28 and 22.10.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ..calls.missed import PASSING
from ..calls.signs import SIGNS, VARIABLES

USERNAME = "asterisk-missed"
LOOPBACK = ("127.0.0.1/255.255.255.255",)

# Rights to hear. call, agent: who rings, talks, waits in a queue. dialplan: a telephone that is not registered, a queue
# that refused, the last application. system: FullyBooted and Shutdown.
READ = ("system", "call", "agent", "dialplan")
# Rights to do. originate: the callbacks. reporting: CoreStatus, CoreShowChannels, Getvar, DBGet. (BridgeList and
# QueueStatus need none.) Without `system`, `command` and `config` this user changes no file and runs no command.
WRITE = ("originate", "reporting")
# Milliseconds that Asterisk waits for a reader. With its own 100 it drops one that is busy for a moment, without a word.
WRITE_TIMEOUT = 10_000

# Events that nobody follows a call by: the link waits for the first, an attempt may end with the second, the third says
# that what fails now is no failure of an attempt.
OF_THE_LINK = ("FullyBooted", "OriginateResponse", "Shutdown")

# The first versions of each branch that know filters by name. Earlier ones pass over such a line, and send everything.
_BY_NAME = {18: (26, 0), 20: (11, 0), 21: (6, 0), 22: (1, 0)}
_FIRST_BRANCH_BY_NAME = 23

# What stands in the file without a quote or an escape: no `;`, which begins a comment.
_SECRET = re.compile(r"[A-Za-z0-9._~+/=-]{8,200}")
_WORD = re.compile(r"[A-Za-z0-9._:/-]{1,80}")


def render(version: str, secret: str, *, username: str = USERNAME, permit: Sequence[str] = LOOPBACK) -> str:
    """The whole file, for the Asterisk that calls itself ``version`` (``22.10.1~dfsg``, ``Asterisk 16.28.0``).

    ``permit``: networks as manager.conf writes them. ValueError for what cannot stand in the file; it does not repeat the
    secret.
    """
    if not _SECRET.fullmatch(secret):
        raise ValueError("the secret: 8 to 200 letters, digits and . _ ~ + / = - are allowed")
    for word in (username, *permit):
        if not _WORD.fullmatch(word):
            raise ValueError(f"{word!r}: cannot stand in manager.conf")
    filters = _by_name() if knows_names(version) else _by_pattern()
    return "\n".join((*_head(username, secret, permit), *filters, ""))


def knows_names(version: str) -> bool:
    """Whether this Asterisk knows ``eventfilter(action(include),name(X)) =``. An unknown version gets the old form,
    which every Asterisk understands; so does a certified one, whose numbers say nothing of it."""
    found = re.search(r"(\d+)\.(\d+)(?:\.(\d+))?", version)
    if found is None or "cert" in version.lower():
        return False
    branch, *rest = (int(number or 0) for number in found.groups())
    return branch >= _FIRST_BRANCH_BY_NAME or (branch in _BY_NAME and tuple(rest) >= _BY_NAME[branch])


def events() -> tuple[str, ...]:
    """The names of all events that are heard, in the order of the alphabet."""
    return tuple(sorted({*SIGNS, *OF_THE_LINK}))


def _head(username: str, secret: str, permit: Sequence[str]) -> Iterator[str]:
    yield "; The AMI user of asterisk-missed: its rights, and the events that it needs. Loaded by `manager reload`."
    yield f"[{username}]"
    yield f"secret = {secret}"
    yield "deny = 0.0.0.0/0.0.0.0"
    yield from (f"permit = {network}" for network in permit)
    yield f"read = {','.join(READ)}"
    yield f"write = {','.join(WRITE)}"
    yield f"writetimeout = {WRITE_TIMEOUT}"


def _by_name() -> Iterator[str]:
    for event in events():
        if event == "VarSet":
            for variable in sorted(VARIABLES):
                yield f"eventfilter(action(include),name(VarSet),header(Variable),method(exact)) = {variable}"
        else:
            yield f"eventfilter(action(include),name({event})) ="
    passing = "|".join(PASSING)
    yield f"eventfilter(action(exclude),name(Newexten),header(Application),method(regex)) = ^({passing})$"


def _by_pattern() -> Iterator[str]:
    """One pattern for all: each line more is one more pattern to try on every event of the PBX."""
    names = "|".join(event for event in events() if event != "VarSet")
    variables = "|".join(sorted(VARIABLES))
    yield (
        f"eventfilter = ^Event: (({names})[[:space:]]|VarSet[[:space:]].*[[:space:]]Variable: ({variables})[[:space:]])"
    )
    yield f"eventfilter = !^Event: Newexten[[:space:]].*[[:space:]]Application: ({'|'.join(PASSING)})[[:space:]]"
