"""Shapes of calls, for a real Asterisk: what people do at their telephones, and what is true of each call afterwards.

The truth is written from what the telephones were made to do. docs/lab.md has the numbers: a telephone does what its
number says (1L1 answers after a second, 1L2 never, …), or what it is told here.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Phone:
    """What a telephone is told to do (vagrant/world/scenarios.conf). Times in seconds; in ``keys``, w is half of one."""

    rings: float = 1
    keys: str = ""
    talk: float | None = None
    forward: str = ""
    refer: str = ""

    def __str__(self) -> str:
        return f"{self.rings},{self.keys},{'' if self.talk is None else self.talk},{self.forward},{self.refer}"


SILENT = Phone(rings=300)


@dataclass(frozen=True)
class Tell:
    """A telephone changes its mind. ``at``: seconds from the client's dialling, here and below."""

    at: float
    extension: str
    phone: Phone


@dataclass(frozen=True)
class Dial:
    """An employee dials."""

    at: float
    extension: str
    number: str
    seconds: float
    keys: str | None = None


@dataclass(frozen=True)
class Redirect:
    """Somebody at a computer sends the caller to another extension (AMI)."""

    at: float
    to: str


@dataclass(frozen=True)
class HangUp:
    """Somebody at a computer hangs the caller up (AMI)."""

    at: float


@dataclass(frozen=True)
class Connect:
    """Somebody at a computer connects the caller with an employee, who waits in a call of his own (AMI Bridge)."""

    at: float
    extension: str


@dataclass(frozen=True)
class Gather:
    """Somebody at a computer sends the caller and whom he talks to into a conference (AMI Redirect)."""

    at: float
    to: str


@dataclass(frozen=True)
class HandOver:
    """An employee who talks, and has dialled somebody else meanwhile, connects the two (REFER with Replaces)."""

    at: float
    extension: str


@dataclass(frozen=True)
class Truth:
    """``wait`` in seconds; ``answered_by`` None: nobody; ``lost`` None: not missed, a None in it: not judged."""

    wait: float
    answered_by: str | None = None
    lost: tuple[str | None, str | None] | None = None
    queues: tuple[str, ...] = ()
    extensions: tuple[str, ...] | None = ()


@dataclass(frozen=True)
class Call:
    """A client calls the company: what he dials, and for how long he stays, in seconds from dialling."""

    did: str
    seconds: float
    truth: Truth
    phones: dict[str, Phone] = field(default_factory=dict)
    acts: tuple[Tell | Dial | Redirect | HangUp | Connect | Gather | HandOver, ...] = ()
    keys: str | None = None
    number: str | None = None
    at: float = 0
    only: str = ""  # an Asterisk


@dataclass(frozen=True)
class Outward:
    """An employee dials a client; ``talks``: whether it is a contact. ``originated``: by a computer, in this way."""

    extension: str
    number: str
    seconds: float
    talks: bool
    originated: dict[str, str] | None = None
    keys: str | None = None


def answered(by: str, wait: float) -> Truth:
    return Truth(wait, by)


def missed(
    wait: float, place: str | None, how: str | None, queues: tuple[str, ...] = (), extensions: tuple[str, ...] = ()
) -> Truth:
    return Truth(wait, None, (place, how), queues, extensions)


def talked_then_lost(
    by: str,
    wait: float,
    place: str,
    how: str | None,
    queues: tuple[str, ...] = (),
    extensions: tuple[str, ...] | None = (),
) -> Truth:
    return Truth(wait, by, (place, how), queues, extensions)


# ---------------------------------------------------------------- one extension, or several

DIRECT = {
    "rung until the PBX gives up": Call("+74953010142", 10, missed(4, "extension", "no_answer", (), ("142",))),
    "do not disturb": Call("74952000149", 6, missed(0, "extension", "busy_or_declined", (), ("149",))),
    "not registered, then an announcement": Call(
        "74953020145", 10, missed(1.5, "extension", "unreachable", (), ("145",))
    ),
    "not answered, then an announcement": Call("74953020142", 10, missed(5.5, "extension", "no_answer", (), ("142",))),
    "recorded": Call("74953030151", 5, answered("151", 1)),
    "a ring group, busy and declined": Call(
        "74952001153", 8, missed(1, "ringgroup", "busy_or_declined", (), ("153", "154"))
    ),
    "a ring group, not registered and silent": Call(
        "74952001155", 4, missed(4, "ringgroup", "abandoned", (), ("155", "156")), {"156": SILENT}
    ),
    "hunting: silent, busy, answered": Call("74953040142", 9, answered("144", 4), {"144": Phone()}),
    "hunting: silent, busy, declined": Call("74953040162", 9, missed(4, None, None, (), ("162", "163", "164"))),
    "a group of Local channels": Call("74953050181", 5, answered("181", 1)),
    "a group of Local channels that optimise": Call("74953051151", 5, answered("151", 1)),
    "a group of Local channels, in vain": Call(
        "74953050162", 4, missed(4, "ringgroup", "abandoned", (), ("162", "163"))
    ),
    "a group of Local channels that optimise, in vain": Call(
        "74953051162", 4, missed(4, "ringgroup", "abandoned", (), ("162", "163"))
    ),
    "an extension through a subroutine and a Local channel": Call("74953110191", 5, answered("191", 1)),
    "the same, in vain": Call("74953110192", 4, missed(4, "extension", "abandoned", (), ("192",))),
    "talked for a moment only": Call(
        "74952000168", 6, missed(1.3, "extension", None, (), ("168",)), {"168": Phone(1, talk=0.3)}
    ),
    "hung up at the moment of the answer": Call(
        "74952000128", 3, missed(3, "extension", None, (), ("128",)), {"128": Phone(3)}
    ),
    "a survey after the talk": Call("74953130197", 9, answered("197", 1)),
    "accepted by a key": Call("74953060158", 8, answered("158", 2), {"158": Phone(1, "ww1")}),
    "not accepted by a key": Call("74953060167", 8, missed(4, "extension", None, (), ("167",))),
    "accepted by a key, in a macro": Call("74953061159", 8, answered("159", 2), {"159": Phone(1, "ww1")}, only="16"),
    "not accepted by a key, in a macro": Call("74953061167", 8, missed(4, "extension", None, (), ("167",)), only="16"),
    "no number": Call("74952000152", 3, missed(3, "extension", "abandoned", (), ("152",)), number="anonymous"),
}

NOBODY_RUNG = {
    "refused": Call("74953120000", 5, missed(0, "direct", None)),
    "only a tone": Call("74953121000", 3, missed(3, "direct", None)),
    "only music": Call("74953122000", 8, missed(3, "direct", None)),
    "congestion": Call("74953123000", 8, missed(0, "direct", None)),
    "a menu by Read": Call("74953124000", 3, missed(3, "ivr", "abandoned")),
    "a menu that gives up": Call("74953125000", 9, missed(3.4, "ivr", None)),
}

VOICEMAIL = {
    "an extension, then its voicemail's greeting": Call(
        "74953100162", 6, missed(6, "voicemail", "abandoned", (), ("162",))
    ),
    "an extension, then a message": Call("74953100163", 14, missed(14, "voicemail", "message_left", (), ("163",))),
}

# ---------------------------------------------------------------- outside, by follow-me and forwarding

OUTSIDE = {
    "follow-me that optimises": Call("74953070152", 11, answered("152", 6)),
    "follow-me that nobody answers": Call("74952007153", 5, missed(5, "extension", "abandoned", (), ("153",))),
    "a mobile and nobody else": Call("74953071300", 5, answered("79160000300", 1)),
    "a mobile and nobody else, in vain": Call("74953078300", 4, missed(4, None, "abandoned")),
    "a mobile that accepts by a key": Call("74953072152", 8, answered("152", 2)),
    "a mobile that does not accept": Call("74953073152", 8, missed(5, "extension", None, (), ("152",))),
    "the application FollowMe": Call(
        "74953074152", 16, answered("152", 9), {"79190000152": Phone(1, "ww1www1www1www1www1")}
    ),
    "the application FollowMe, in vain": Call("74953074162", 15, missed(9, "extension", None, (), ("162",))),
    "forwarded to a mobile": Call("74952000166", 6, answered("166", 1.5), {"166": Phone(0.5, forward="89160000166")}),
    "forwarded to a mobile, in vain": Call(
        "74952000188", 5, missed(5, "extension", "abandoned", (), ("188",)), {"188": Phone(0.5, forward="89161000188")}
    ),
    "forwarded to a colleague": Call("74952000148", 6, answered("161", 1.5), {"148": Phone(0.5, forward="161")}),
    "forwarded to a colleague, in vain": Call(
        "74952000138", 5, missed(5, "extension", "abandoned", (), ("138", "162")), {"138": Phone(0.5, forward="162")}
    ),
    "talked, then transferred to a mobile": Call(
        "74952000157", 14, answered("157", 1), {"157": Phone(1, "ww##w89160000157")}
    ),
    "talked, then transferred to a mobile in vain": Call(
        "74952000147", 14, talked_then_lost("147", 1, "transfer", "abandoned"), {"147": Phone(1, "ww##w89161000147")}
    ),
}

# ---------------------------------------------------------------- queues

# A queue counts its limit in whole seconds: one of 6 s lets go after 5 to 6.
QUEUES = {
    "a queue, two rounds in vain": Call("74953080001", 9, missed(9, "queue", "abandoned", ("s01",))),
    "a queue, answered in the second round": Call(
        "74953080002", 11, answered("113", 7), {"113": SILENT}, (Tell(5.5, "113", Phone()),)
    ),
    "a linear queue, the second answers": Call("74953080003", 10, answered("121", 7)),
    "a queue of the busy and the declining": Call("74953080004", 8, missed(8, "queue", "abandoned", ("s04",))),
    "a queue until the PBX gives up": Call("74953081005", 12, missed(5.5, "queue", "timed_out", ("s05",))),
    "a queue, then another that answers": Call("74953082005", 11, answered("101", 6.5), at=9),
    "a member through a Local channel that optimises": Call("74953080007", 8, answered("116", 3)),
    "members through Local channels, the first answers": Call("74953080008", 6, answered("131", 1)),
    "members through Local channels, in vain": Call("74953080009", 8, missed(8, "queue", "abandoned", ("s09",))),
    "a linear queue of Local channels": Call("74953080024", 10, answered("141", 1)),
    "a queue whose members are not registered": Call("74953080010", 6, missed(0, "queue", "join_empty", ("s10",))),
    "a queue of one, who waits in vain": Call(
        "74953080011", 6, missed(6, "queue", "abandoned", ("s11",)), {"114": SILENT}
    ),
    "a full queue": Call("74953080011", 6, missed(0, "queue", "full", ("s11",)), at=1),
    "a queue that everybody leaves": Call(
        "74953080012",
        12,
        missed(5, "queue", "left_empty", ("s12",)),
        {"117": SILENT},
        (Dial(2, "117", "*4612", 1),),
    ),
    "gone during the member's announcement": Call(
        "74953080013", 4, missed(4, "queue", "abandoned", ("s13",)), {"118": Phone(1)}
    ),
    "a member's voicemail": Call("74953080014", 5, missed(5, "queue", "abandoned", ("s14",))),
    "a member's announcement": Call("74953080015", 5, missed(5, "queue", "abandoned", ("s15",))),
    "a member's menu": Call("74953080016", 5, missed(5, "queue", "abandoned", ("s16",))),
    "left by a key, answered elsewhere": Call("74953080017", 8, answered("191", 3), keys="wwww1"),
    "left by a key, in vain": Call(
        "74953080017", 7, missed(7, "extension", "abandoned", ("s17",), ("192",)), keys="wwww2", at=9
    ),
    "left by a key that leads nowhere": Call(
        "74952003013", 7, missed(2, "queue", "left_by_key", ("n3",)), keys="wwww9"
    ),
    "a member's mobile": Call("74953080018", 6, answered("79160000318", 1)),
    "talked for a moment only, in a queue": Call(
        "74953080026", 3, missed(1.3, "queue", None, ("s26",)), {"104": Phone(1, talk=0.3)}
    ),
    "a survey after the queue's talk": Call("74953083025", 9, answered("107", 1)),
}

# ---------------------------------------------------------------- transfers, pickups, parking, conferences

TRANSFERS = {
    "blind, answered": Call("74952000169", 10, answered("169", 1), {"169": Phone(1, "ww##w191")}),
    "blind, in vain": Call(
        "74952000146",
        10,
        talked_then_lost("146", 1, "transfer", "abandoned", (), ("192",)),
        {"146": Phone(1, "ww##w192")},
    ),
    "blind, until the PBX gives up": Call(
        "74952000187",
        14,
        talked_then_lost("187", 1, "transfer", "no_answer", (), ("192",)),
        {"187": Phone(1, "ww##w4192")},
    ),
    "blind to a busy one": Call(
        "74952000127",
        14,
        talked_then_lost("127", 1, "transfer", "busy_or_declined", (), ("193",)),
        {"127": Phone(1, "ww##w193")},
    ),
    "by REFER, answered": Call("74952000186", 8, answered("186", 1), {"186": Phone(1, refer="191")}),
    "by REFER, in vain": Call(
        "74952000189",
        8,
        talked_then_lost("189", 1, "transfer", "abandoned", (), ("192",)),
        {"189": Phone(1, refer="192")},
    ),
    "from a queue, answered": Call("74953080020", 10, answered("133", 1), {"133": Phone(1, "ww##w191")}),
    "from a queue, in vain": Call(
        "74953080021",
        10,
        talked_then_lost("136", 1, "transfer", "abandoned", (), ("192",)),
        {"136": Phone(1, "ww##w192")},
    ),
    "into a queue that does not answer": Call(
        "74952000129",
        11,
        talked_then_lost("129", 1, "transfer", "abandoned", ("s22",)),
        {"129": Phone(1, "ww##w5522"), "137": SILENT},
    ),
    "attended": Call("74952000184", 15, answered("184", 1), {"184": Phone(1, "ww*2w181", 8)}),
    "attended, from a queue": Call("74953080023", 15, answered("103", 1), {"103": Phone(1, "ww*2w181", 8)}),
    "attended, handed over while it rings": Call(
        "74952000139", 14, answered("139", 1), {"139": Phone(1, "ww*2w196", 5)}
    ),
    "attended, handed over while it rings, in vain": Call(
        "74952000198",
        10,
        talked_then_lost("198", 1, "transfer", "abandoned", (), ("182",)),
        {"198": Phone(1, "ww*2w182", 6)},
    ),
    "attended, the colleague is busy": Call("74952000199", 12, answered("199", 1), {"199": Phone(1, "ww*2w183")}),
    "attended, by REFER of a ringing call": Call("74952000120", 9, answered("120", 1), {"120": Phone(1, refer="196")}),
    "redirected by a computer": Call("74952000192", 8, answered("161", 4), {}, (Redirect(3, "161"),)),
    "redirected by a computer, in vain": Call(
        "74952000192",
        7,
        missed(7, "extension", "abandoned", (), ("192", "162")),
        {},
        (Redirect(3, "162"),),
    ),
}

PICKUPS = {
    "an extension's call is picked up": Call(
        "74952000108", 7, answered("109", 2), {"108": SILENT}, (Dial(2, "109", "*8108", 9),)
    ),
    "a ring group's call is picked up": Call(
        "74952001175", 7, answered("170", 2), {"176": SILENT}, (Dial(2, "170", "*8176", 9),)
    ),
    "a queue's call is picked up": Call(
        "74953080019", 7, answered("130", 2), {"134": SILENT}, (Dial(2, "130", "*8134", 9),), at=9
    ),
    "the lane's call is picked up": Call("74952000172", 7, answered("178", 2), {}, (Dial(2, "178", "*8", 9),), at=11),
    "a Local channel's call is picked up": Call(
        "74953050179", 7, answered("170", 2), {"179": SILENT, "180": SILENT}, (Dial(2, "170", "*8179", 9),), at=9
    ),
}

PARKING = {
    "talked, parked, gave up": Call(
        "74952000106", 9, talked_then_lost("106", 1, "parking", "gave_up"), {"106": Phone(1, "ww##w700")}
    ),
    "talked, parked, forgotten": Call(
        "74952000126",
        17,
        talked_then_lost("126", 1, "parking", "timed_out", (), ("126",)),
        {"126": Phone(1, "ww##w700")},
        (Tell(7, "126", SILENT),),
    ),
    "talked, parked, back to the parker": Call(
        "74952000190", 19, answered("190", 1), {"190": Phone(1, "ww##w700")}, (Tell(7, "190", Phone(2)),)
    ),
    "talked, parked, fetched by another": Call(
        "74953149160", 14, answered("160", 1), {"160": Phone(1, "ww##w700")}, (Dial(9, "174", "709", 9),)
    ),
    "parked without a talk": Call("74952006150", 4, missed(4, "parking", "gave_up")),
    "parked without a talk, then in vain": Call("74952006192", 12, missed(12, "parking", "timed_out", (), ("192",))),
    "parked without a talk, then answered": Call("74952006191", 13, answered("191", 9)),
}

CONFERENCES = {
    "alone in a conference": Call("74953090301", 6, missed(6, "direct", None)),
    "joined by an employee": Call("74953090302", 6, answered("140", 2.7), {}, (Dial(2, "140", "6302", 9),)),
    "two clients and an employee: the first": Call(
        "74953090303", 9, answered("150", 3), {}, (Dial(3, "150", "6303", 9),)
    ),
    "two clients and an employee: the second": Call("74953090303", 8, answered("150", 1.9), at=1),
}


def rush() -> dict[str, Call]:
    """Twenty calls at once by routes at random, the same ones each time."""
    routes = (
        Call("74952000181", 5, answered("181", 1)),
        Call("74952000162", 4, missed(4, "extension", "abandoned", (), ("162",))),
        Call("74952000183", 4, missed(0, "extension", "busy_or_declined", (), ("183",))),
        Call("74952001162", 4, missed(4, "ringgroup", "abandoned", (), ("162", "163"))),
        Call("74952001161", 5, answered("161", 1)),
        Call("74952005161", 9, missed(2, "direct", "announcement")),
        Call("74952009162", 4, missed(4, "extension", "abandoned", (), ("162",))),
        Call("74953050181", 5, answered("181", 1)),
        Call("74952007182", 9, answered("182", 6)),
        Call("74953120000", 5, missed(0, "direct", None)),
    )
    chosen = random.Random(60).choices(routes, k=20)
    return {
        f"in the rush, {place}": Call(route.did, route.seconds, route.truth, at=14)
        for place, route in enumerate(chosen, 1)
    }


# ---------------------------------------------------------------- the second half: the same telephones once more

MORE_WAYS_IN = {
    "desk and mobile at once, the mobile answers": Call("74953200162", 6, answered("79160000162", 1)),
    "desk and mobile at once, in vain": Call("74953201162", 4, missed(4, None, "abandoned", (), ("162",))),
    "with music, then an announcement": Call("74953210142", 10, missed(5.5, "extension", "no_answer", (), ("142",))),
    "an extension, a queue, then its voicemail": Call(
        "74953220142", 10, missed(10, "voicemail", "abandoned", ("s05",), ("142",))
    ),
    "only a hall": Call("74953230000", 3, missed(3, "direct", None)),
    "a Local channel answers, then the desk": Call("74953240151", 6, answered("151", 1.5)),
    "a Local channel that optimises answers, then the desk": Call("74953241151", 6, answered("151", 1.5)),
    "a Local channel answers, the desk does not": Call(
        "74953240162", 5, missed(5, "extension", "abandoned", (), ("162",))
    ),
    "a Local channel that optimises answers, the desk does not": Call(
        "74953241162", 5, missed(5, "extension", "abandoned", (), ("162",))
    ),
    "three Local channels": Call("74953250151", 5, answered("151", 1)),
    "three Local channels, in vain": Call("74953250162", 4, missed(4, "extension", "abandoned", (), ("162",))),
    "a limit of 3 s": Call("74953260162", 8, missed(3, "extension", None, (), ("162",))),
    "two who must accept, and do not": Call(
        "74953270167", 8, missed(3, None, None, (), ("167", "168")), {"167": Phone(1, talk=2), "168": Phone(2)}
    ),
    "given up while a colleague is asked": Call(
        "74953060161", 2.5, missed(2.5, "extension", "abandoned", (), ("161",))
    ),
    "an announcement before the answer": Call("74953290151", 7, answered("151", 2.3)),
    "hung up by a computer": Call("74952000162", 8, missed(3, "extension", None, (), ("162",)), {}, (HangUp(3),)),
    "listened to": Call("74952000141", 6, answered("141", 1), {}, (Dial(2, "163", "*22141", 5),)),
}

MORE_QUEUES = {
    "one round, then an announcement": Call("74953280005", 12, missed(6.3, "queue", "timed_out", ("s05",))),
    "a member who accepts": Call("74953080028", 8, answered("106", 2.3), {"106": Phone(1, "ww1")}),
    "a member who does not accept": Call("74953080034", 7, missed(4, "queue", None, ("s34",))),
    "a Local member's call is picked up": Call(
        "74953080029", 7, answered("130", 2), {"104": SILENT}, (Dial(2, "130", "*8104", 9),)
    ),
    "a member's desk, then his mobile": Call("74953080030", 10, answered("132", 6)),
    "a member's desk, then his mobile, in vain": Call("74953080031", 6, missed(6, "queue", "abandoned", ("s31",))),
    "a Local member answers, then the desk": Call("74953080032", 7, answered("141", 1.5)),
    "a Local member answers, the desk does not": Call("74953080033", 6, missed(6, "queue", "abandoned", ("s33",))),
    "fetched from a queue by a computer": Call("74953080005", 7, answered("161", 4), {}, (Redirect(3, "161"),)),
    "fetched from a queue by a computer, in vain": Call(
        "74953080005", 7, missed(7, "extension", "abandoned", ("s05",), ("162",)), {}, (Redirect(3, "162"),)
    ),
}

MORE_TRANSFERS = {
    "two transfers, both answered": Call(
        "74952000148", 15, answered("148", 1), {"148": Phone(1, "ww##w149"), "149": Phone(1, "ww##w191")}
    ),
    "two transfers, the second in vain": Call(
        "74952000146",
        15,
        talked_then_lost("146", 1, "transfer", "abandoned", (), ("192",)),
        {"146": Phone(1, "ww##w147"), "147": Phone(1, "ww##w192")},
    ),
    "transferred to a desk, then its voicemail": Call(
        "74952000157",
        13,
        talked_then_lost("157", 1, "transfer", None, (), ("192",)),
        {"157": Phone(1, "ww##w3192")},
    ),
    "parked by REFER": Call(
        "74952000158", 6, talked_then_lost("158", 1, "parking", "gave_up"), {"158": Phone(1, refer="700")}
    ),
    "attended, to a queue that answers": Call(
        "74952000159", 14, answered("159", 1), {"159": Phone(1, "ww*2w5506", 9)}, at=3
    ),
    "attended, to a queue that does not answer": Call(
        "74952000168",
        13,
        talked_then_lost("168", 1, "transfer", "abandoned", ("s22",)),
        {"168": Phone(1, "ww*2w5522", 7), "137": SILENT},
    ),
    "attended, all three talk": Call("74952000169", 15, answered("169", 1), {"169": Phone(1, "ww*2w191wwwwww*3", 13)}),
    "attended, taken back": Call("74952000186", 13, answered("186", 1), {"186": Phone(1, "ww*2w191wwwwww*1")}),
    "attended, by SIP": Call(
        "74952000184",
        10,
        answered("184", 1),
        {"184": Phone()},
        (Dial(2.5, "184", "181", 15), HandOver(6, "184")),
    ),
    "attended, by SIP while it rings": Call(
        "74952000187",
        11,
        answered("187", 1),
        {"187": Phone()},
        (Dial(2.5, "187", "196", 15), HandOver(4, "187")),
    ),
    "attended, by SIP while it rings, in vain": Call(
        "74952000188",
        8,
        talked_then_lost("188", 1, "transfer", "abandoned", (), ("182",)),
        {"188": Phone()},
        (Dial(2.5, "188", "182", 15), HandOver(4, "188")),
    ),
    "attended, by SIP, from a queue": Call(
        "74953080023",
        10,
        answered("103", 1),
        {"103": Phone()},
        (Dial(2.5, "103", "181", 15), HandOver(6, "103")),
    ),
    "attended, by SIP, the colleague is busy": Call(
        "74952000189", 8, answered("189", 1), {"189": Phone()}, (Dial(2.5, "189", "183", 15),)
    ),
    "redirected while talking": Call("74952000151", 8, answered("151", 1), {}, (Redirect(3, "161"),)),
    "redirected while talking, in vain": Call(
        "74952000151",
        8,
        talked_then_lost("151", 1, "transfer", "abandoned", (), ("162",)),
        {},
        (Redirect(3, "162"),),
    ),
}

BEHIND_LOCAL = {
    "behind a Local channel: blind, answered": Call(
        "74952009108", 10, answered("108", 1), {"108": Phone(1, "ww##w191")}
    ),
    "behind a Local channel: blind, in vain": Call(
        "74952009109",
        10,
        talked_then_lost("109", 1, "transfer", "abandoned", (), ("192",)),
        {"109": Phone(1, "ww##w192")},
    ),
    "behind a Local channel: blind, until the PBX gives up": Call(
        "74952009120",
        14,
        talked_then_lost("120", 1, "transfer", "no_answer", (), ("192",)),
        {"120": Phone(1, "ww##w4192")},
    ),
    "behind a Local channel: attended": Call("74952009127", 14, answered("127", 1), {"127": Phone(1, "ww*2w181", 8)}),
    "behind a Local channel: handed over while it rings, in vain": Call(
        "74952009128",
        10,
        talked_then_lost("128", 1, "transfer", "abandoned", (), ("182",)),
        {"128": Phone(1, "ww*2w182", 6)},
    ),
    "behind a Local channel: parked, gave up": Call(
        "74952009129", 9, talked_then_lost("129", 1, "parking", "gave_up"), {"129": Phone(1, "ww##w700")}
    ),
    "behind a Local channel: by REFER, in vain": Call(
        "74952009138",
        8,
        talked_then_lost("138", 1, "transfer", "abandoned", (), ("192",)),
        {"138": Phone(1, refer="192")},
    ),
    "behind a Local channel: attended, by SIP": Call(
        "74952009139", 10, answered("139", 1), {"139": Phone()}, (Dial(2.5, "139", "181", 15), HandOver(6, "139"))
    ),
    "behind a Local channel: by SIP while it rings, in vain": Call(
        "74952009150",
        9,
        talked_then_lost("150", 1, "transfer", "abandoned", (), ("182",)),
        {"150": Phone()},
        (Dial(2.5, "150", "182", 15), HandOver(4, "150")),
    ),
    "behind a Local channel: forwarded to a mobile": Call(
        "74952009140", 6, answered("140", 1.5), {"140": Phone(0.5, forward="89160000140")}
    ),
    "behind a Local channel: forwarded to a mobile, in vain": Call(
        "74952009144",
        5,
        missed(5, "extension", "abandoned", (), ("144",)),
        {"144": Phone(0.5, forward="89161000144")},
    ),
    "a Local member transfers in vain": Call(
        "74953080035",
        10,
        talked_then_lost("126", 1, "transfer", "abandoned", (), ("192",)),
        {"126": Phone(1, "ww##w192")},
    ),
    "a member forwards to a colleague": Call(
        "74953080036", 7, answered("161", 1.5), {"133": Phone(0.5, forward="161")}
    ),
    "a Local member hands over": Call("74953080037", 14, answered("134", 1), {"134": Phone(1, "ww*2w181", 8)}),
}

MORE_LOSSES = {
    "blind to an unregistered one": Call(
        "74952000154",
        10,
        talked_then_lost("154", 1, "transfer", "unreachable", (), ("185",)),
        {"154": Phone(1, "ww##w185")},
    ),
    "blind to a busy mobile": Call(
        "74952000156",
        14,
        talked_then_lost("156", 1, "transfer", "busy_or_declined"),
        {"156": Phone(1, "ww##w89162000156")},
    ),
    "forwarded to a busy mobile": Call(
        "74952000164",
        6,
        missed(0.6, "extension", "busy_or_declined", (), ("164",)),
        {"164": Phone(0.5, forward="89162000164")},
    ),
    "gone while the colleague hears an announcement": Call(
        "74953300177", 4, missed(4, "extension", "abandoned", (), ("177",)), {"177": Phone()}
    ),
    "by REFER to a queue that does not answer": Call(
        "74952000194",
        9,
        talked_then_lost("194", 1, "transfer", "abandoned", ("s22",)),
        {"194": Phone(1, refer="5522")},
    ),
    "by REFER to a mobile": Call("74952000118", 8, answered("118", 1), {"118": Phone(1, refer="89160000118")}),
    "by REFER to a mobile, in vain": Call(
        "74952000197", 8, talked_then_lost("197", 1, "transfer", "abandoned"), {"197": Phone(1, refer="89161000197")}
    ),
    "attended, the colleague never answers": Call("74952000160", 18, answered("160", 1), {"160": Phone(1, "ww*2w182")}),
    "attended, handed over in vain, back again": Call(
        "74952000166", 26, answered("166", 1), {"166": Phone(1, "ww*2w182", 6)}, (Tell(9, "166", Phone()),)
    ),
    "attended, handed over in vain, back in vain": Call(
        "74952000170",
        18,
        talked_then_lost("170", 1, "transfer", None, (), None),
        {"170": Phone(1, "ww*2w182", 6)},
        (Tell(9, "170", SILENT),),
    ),
}

MORE_OF_ALL = {
    "desk and voicemail inside a Local channel": Call(
        "74953320162", 7, missed(7, "voicemail", "abandoned", (), ("162",))
    ),
    "desk and voicemail inside a Local channel that optimises": Call(
        "74953321162", 7, missed(7, "voicemail", "abandoned", (), ("162",))
    ),
    "desk and voicemail inside a Local channel, a message": Call(
        "74953320163", 12, missed(12, "voicemail", "message_left", (), ("163",))
    ),
    "desk and voicemail inside a Local channel, the desk answers": Call("74953320161", 6, answered("161", 1)),
    "a member's desk, then his voicemail": Call("74953080038", 8, missed(8, "queue", "abandoned", ("s38",))),
    "attended, to a voicemail": Call(
        "74952000136",
        16,
        talked_then_lost("136", 1, "transfer", None, (), ("192",)),
        {"136": Phone(1, "ww*2w3192", 11)},
    ),
    "behind a Local channel: parked, fetched by another": Call(
        "74953338178", 14, answered("178", 1), {"178": Phone(1, "ww##w700")}, (Dial(9, "174", "708", 9),)
    ),
    "behind a Local channel: parked, forgotten": Call(
        "74953337179",
        18,
        talked_then_lost("179", 1, "parking", "timed_out", (), None),
        {"179": Phone(1, "ww##w700")},
        (Tell(9, "179", SILENT),),
    ),
    "parked, fetched by the parker": Call(
        "74953146190", 14, answered("190", 1), {"190": Phone(1, "ww##w700")}, (Dial(10, "190", "706", 9),)
    ),
    "from a queue into a queue that answers": Call(
        "74952000198", 12, answered("198", 1), {"198": Phone(1, "ww##w5524")}
    ),
    "forwarded to a queue": Call("74952000199", 7, answered("131", 1.5), {"199": Phone(0.5, forward="5508")}),
    "forwarded to a queue, in vain": Call(
        "74952000180",
        6,
        missed(6, "queue", "abandoned", ("s22",), ("180",)),
        {"180": Phone(0.5, forward="5522")},
    ),
    "follow-me in a group": Call("74953340110", 9, answered("110", 6), {"110": SILENT, "111": SILENT}),
    "a busy mobile": Call("74953350300", 5, missed(0, None, "busy_or_declined")),
    "as another DID": Call("74953360151", 5, answered("151", 1)),
    "as another DID, in vain": Call("74953360162", 4, missed(4, "extension", "abandoned", (), ("162",))),
    "gone between two rounds of a queue": Call("74953080001", 5.5, missed(5.5, "queue", "abandoned", ("s01",))),
    "two clients in a conference, nobody else: the first": Call("74953090304", 6, missed(6, None, None)),
    "two clients in a conference, nobody else: the second": Call("74953090304", 6, missed(6, None, None)),
    "connected by a computer": Call(
        "74953080005", 8, answered("176", 3), {}, (Dial(1, "176", "58", 9), Connect(3, "176"))
    ),
    "gathered in a conference": Call(
        "74952000121", 9, answered("121", 1), {"121": Phone(1, talk=7)}, (Gather(3, "6310"),)
    ),
}

AFTERWARDS = {
    "something is done after the hang-up, an extension": Call(
        "74953370162", 4, missed(4, "extension", "abandoned", (), ("162",))
    ),
    "something is done after the hang-up, a talk": Call("74953370151", 4, answered("151", 1)),
    "something is done after the hang-up, a menu": Call("74953371000", 4, missed(4, "ivr", "abandoned")),
    "something is done after the hang-up, a queue": Call("74953372000", 4, missed(4, "queue", "abandoned", ("s05",))),
    "a hang-up handler": Call("74953373162", 4, missed(4, "extension", "abandoned", (), ("162",))),
    "a hang-up handler, declined": Call("74953373174", 5, missed(1, "extension", "busy_or_declined", (), ("174",))),
    "subroutines, then a voicemail": Call("74953390162", 7, missed(7, "voicemail", "abandoned", (), ("162",))),
    "subroutines, busy, then a message": Call("74953390163", 9, missed(9, "voicemail", "message_left", (), ("163",))),
    "the menu, then an extension": Call("74952002151", 7, answered("151", 2.5), keys="ww3"),
    "the menu, then an extension in vain": Call(
        "74952002162", 7, missed(7, "extension", "abandoned", (), ("162",)), keys="ww3"
    ),
    "the menu, a wrong key": Call("74952002163", 6, missed(6, "ivr", "abandoned"), keys="ww8"),
    "a queue that tells positions": Call("74953080039", 8, missed(8, "queue", "abandoned", ("s39",)), {"117": SILENT}),
    "one member, the first caller": Call("74953080040", 9, answered("114", 1), {"114": Phone(1, talk=3)}),
    "one member, the second caller": Call("74953080040", 12, answered("114", 5), at=0.5),
}
RACES = {
    f"hung up within {after} ms of the answer": Call(
        "74952000196", 3 + after / 1000, missed(3, "extension", None, (), ("196",))
    )
    for after in (-40, -10, 0, 10, 20, 40, 80, 200)
}

HANDED_ON = {
    "attended, by SIP, to a queue that does not answer": Call(
        "74952000100",
        9,
        talked_then_lost("100", 1, "transfer", "abandoned", ("s22",)),
        {"100": Phone()},
        (Dial(2.5, "100", "5522", 15), HandOver(4.5, "100")),
    ),
    "attended, by SIP, to a queue that answers": Call(
        "74952000113",
        9,
        answered("113", 1),
        {"113": Phone()},
        (Dial(2.5, "113", "5508", 15), HandOver(3, "113")),
        at=4,
    ),
    "attended, by SIP, to a mobile": Call(
        "74952000116",
        9,
        answered("116", 1),
        {"116": Phone()},
        (Dial(2.5, "116", "89160000116", 15), HandOver(6, "116")),
    ),
    "attended, by SIP, to a voicemail": Call(
        "74952000119",
        11,
        talked_then_lost("119", 1, "transfer", None, (), None),
        {"119": Phone()},
        (Dial(2.5, "119", "3192", 15), HandOver(8, "119")),
    ),
    "attended, by SIP, behind a Local channel, to a queue that does not answer": Call(
        "74952009152",
        9,
        talked_then_lost("152", 1, "transfer", "abandoned", ("s22",)),
        {"152": Phone()},
        (Dial(2.5, "152", "5522", 15), HandOver(4.5, "152")),
    ),
    "attended, by SIP while a Local channel rings, in vain": Call(
        "74952000172",
        9,
        talked_then_lost("172", 1, "transfer", "abandoned", (), ("162",)),
        {"172": Phone()},
        (Dial(2.5, "172", "5162", 15), HandOver(4, "172")),
    ),
    "attended, by SIP while a ring group rings, until the PBX gives up": Call(
        "74952000173",
        10,
        talked_then_lost("173", 1, "transfer", "no_answer", (), ("162", "163")),
        {"173": Phone()},
        (Dial(2.5, "173", "2162", 15), HandOver(4, "173")),
    ),
    "attended, to a mobile": Call("74952000123", 14, answered("123", 1), {"123": Phone(1, "ww*2w89160000123", 10)}),
    "picked up, then transferred in vain": Call(
        "74952000124",
        12,
        talked_then_lost("143", 2, "transfer", "abandoned", (), ("192",)),
        {"124": SILENT},
        (Dial(2, "143", "*8124", 15, "wwwwww##w192"),),
    ),
    "blind to a ring group, in vain": Call(
        "74952000153",
        14,
        talked_then_lost("153", 1, "transfer", "no_answer", (), ("162", "163")),
        {"153": Phone(1, "ww##w2162")},
    ),
    "gone while the colleague is asked": Call("74952000193", 8, answered("193", 1), {"193": Phone(1, "ww*2w182")}),
    "gone while the colleague is asked by SIP": Call(
        "74952000171", 6, answered("171", 1), {}, (Dial(2.5, "171", "182", 6),)
    ),
    "a ring group, busy and forwarded in vain": Call(
        "74952001143", 5, missed(5, "ringgroup", "abandoned", (), ("143", "144"))
    ),
}

FIRST = {
    **DIRECT,
    **NOBODY_RUNG,
    **VOICEMAIL,
    **OUTSIDE,
    **QUEUES,
    **TRANSFERS,
    **PICKUPS,
    **PARKING,
    **CONFERENCES,
    **rush(),
}
SECOND = {
    **MORE_WAYS_IN,
    **MORE_QUEUES,
    **MORE_TRANSFERS,
    **BEHIND_LOCAL,
    **MORE_LOSSES,
    **MORE_OF_ALL,
    **AFTERWARDS,
    **RACES,
    **HANDED_ON,
}
CALLS = {**FIRST, **SECOND}

OUTWARD = {
    "a client answers": Outward("161", "89160000901", 9, True),
    "a client declines": Outward("161", "89163000902", 9, False),
    "a client does not answer": Outward("161", "89161000903", 4, False),
    "a colleague waits in a queue": Outward("161", "5501", 4, False),
    "a colleague sits in a conference": Outward("161", "6311", 4, False),
    "a colleague is dialled": Outward("161", "162", 4, False),
    "a computer rings the employee, then the client": Outward(
        "191", "89160000904", 9, True, {"Channel": "{TECH}/191", "Exten": "89160000904"}
    ),
    "the same, and the client declines": Outward(
        "191", "89163000905", 9, False, {"Channel": "{TECH}/191", "Exten": "89163000905"}
    ),
    "the same, and the employee does not answer": Outward(
        "192", "89160000906", 9, False, {"Channel": "{TECH}/192", "Exten": "89160000906"}
    ),
    "a computer rings the client, then the employee": Outward(
        "191", "89160000907", 9, True, {"Channel": "{TECH}/89160000907@trunk-main", "Exten": "191"}
    ),
    "the same, and no employee answers": Outward(
        "192", "89160000908", 9, False, {"Channel": "{TECH}/89160000908@trunk-main", "Exten": "192"}
    ),
    "a computer rings the employee through a Local channel": Outward(
        "161", "89160000909", 9, True, {"Channel": "Local/161@internal", "Exten": "89160000909"}
    ),
    "a computer rings the client through a Local channel": Outward(
        "191", "89160000910", 9, True, {"Channel": "Local/89160000910@outside", "Exten": "191"}
    ),
    "a computer rings the client, then a queue": Outward(
        "131", "89160000911", 9, True, {"Channel": "{TECH}/89160000911@trunk-main", "Exten": "5508"}
    ),
    "a computer rings the client, then a queue that does not answer": Outward(
        "112", "89160000912", 9, False, {"Channel": "{TECH}/89160000912@trunk-main", "Exten": "5501"}
    ),
    "a client is transferred": Outward("161", "89166000913", 12, True, keys="ww##w191"),
    "a client is transferred in vain": Outward("161", "89166000914", 12, True, keys="ww##w4192"),
    "a computer plays something to a client": Outward(
        "", "89160000915", 9, False, {"Channel": "{TECH}/89160000915@trunk-main", "Application": "MusicOnHold"}
    ),
}
