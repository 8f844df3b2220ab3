"""The system calls that a program in the sandbox is refused, as a filter for the kernel.

Classic BPF for seccomp (Linux, `SECCOMP_MODE_FILTER`), on x86-64 and aarch64; bubblewrap loads it
last, and what the program starts inherits it. Refused is what reaches into other processes, the
kernel's keys and loaders, mounts and new namespaces, and every sort of socket but Unix and
internet ones: the network's namespace does not hold all others apart. A call that is newer than
this list does not exist: C libraries then do without. What a program does to itself alone stays
allowed (`landlock_*`, `mseal`, `futex_*`). Another processor's calls end the program. What a
program may otherwise do is `sandbox`'s.
"""

from __future__ import annotations

import errno
import os
import platform
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain

from workspaces.errors import SandboxRefused

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _PROCESSOR, _FIRST_ARGUMENT = 0, 4, 16  # offsets in struct seccomp_data
_ALLOW, _KILL, _REFUSE = 0x7FFF0000, 0x80000000, 0x00050000
_FAMILIES = (1, 2, 10)  # AF_UNIX, AF_INET, AF_INET6
_NEW_NAMESPACES = 0x7E020000  # CLONE_NEWNS, -CGROUP, -UTS, -IPC, -USER, -PID, -NET
_FOREIGN_CALLS = 0x40000000  # x86-64: the calls of x32, numbered anew
FIRST_UNREAD = 470  # Linux 6.17 ends with file_setattr, 469; since 5.1 processors number alike

# x86-64, aarch64; None where the processor's Linux has none.
REFUSED: Mapping[str, tuple[int, int | None]] = {
    "acct": (163, 89), "add_key": (248, 217), "adjtimex": (159, 171), "bpf": (321, 280),
    "chroot": (161, 51), "clock_adjtime": (305, 266), "clock_settime": (227, 112),
    "delete_module": (176, 106), "fanotify_init": (300, 262), "finit_module": (313, 273),
    "fsconfig": (431, 431), "fsmount": (432, 432), "fsopen": (430, 430), "fspick": (433, 433),
    "init_module": (175, 105), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    "io_uring_setup": (425, 425), "ioperm": (173, None), "iopl": (172, None), "kcmp": (312, 272),
    "kexec_file_load": (320, 294), "kexec_load": (246, 104), "keyctl": (250, 219),
    "listmount": (458, 458), "lookup_dcookie": (212, 18), "lsm_set_self_attr": (460, 460),
    "modify_ldt": (154, None), "mount": (165, 40), "mount_setattr": (442, 442),
    "move_mount": (429, 429), "name_to_handle_at": (303, 264), "nfsservctl": (180, 42),
    "open_by_handle_at": (304, 265), "open_tree": (428, 428), "open_tree_attr": (467, 467),
    "perf_event_open": (298, 241), "personality": (135, 92), "pidfd_getfd": (438, 438),
    "pivot_root": (155, 41), "process_madvise": (440, 440), "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271), "ptrace": (101, 117), "quotactl": (179, 60),
    "quotactl_fd": (443, 443), "reboot": (169, 142), "request_key": (249, 218),
    "setdomainname": (171, 162), "sethostname": (170, 161), "setns": (308, 268),
    "settimeofday": (164, 170), "statmount": (457, 457), "swapoff": (168, 225),
    "swapon": (167, 224), "syslog": (103, 116), "umount2": (166, 39), "unshare": (272, 97),
    "uselib": (134, None), "userfaultfd": (323, 282), "vhangup": (153, 58),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Processor:
    """`token` is its AUDIT_ARCH; `place` says which number of a pair is its own."""

    token: int
    place: int
    clone: int
    socket: int
    socketpair: int
    clone3: int = 435


PROCESSORS: Mapping[str, Processor] = {
    "x86_64": Processor(0xC000003E, 0, clone=56, socket=41, socketpair=53),
    "aarch64": Processor(0xC00000B7, 1, clone=220, socket=198, socketpair=199),
}


def program(processor: Processor) -> bytes:
    """The filter, for one processor. Pure."""
    refuse = _REFUSE | errno.EPERM
    numbers = (pair[processor.place] for pair in REFUSED.values())
    foreign = [(_AT_LEAST, 0, 1, _FOREIGN_CALLS), (_RETURN, 0, 0, refuse)]
    steps = [
        (_LOAD, 0, 0, _PROCESSOR), (_EQUAL, 1, 0, processor.token), (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER), *(foreign if processor.place == 0 else ()),
        (_AT_LEAST, 0, 1, FIRST_UNREAD), (_RETURN, 0, 0, _REFUSE | errno.ENOSYS),
        *chain.from_iterable(
            ((_EQUAL, 0, 1, number), (_RETURN, 0, 0, refuse))
            for number in numbers if number is not None
        ),
        # Its flags lie in memory, where a filter cannot look: the C library then takes clone.
        (_EQUAL, 0, 1, processor.clone3), (_RETURN, 0, 0, _REFUSE | errno.ENOSYS),
        (_EQUAL, 0, 4, processor.clone), (_LOAD, 0, 0, _FIRST_ARGUMENT),
        (_ANY_BIT, 0, 1, _NEW_NAMESPACES), (_RETURN, 0, 0, refuse), (_RETURN, 0, 0, _ALLOW),
        (_EQUAL, 1, 0, processor.socketpair),  # the kernel makes both before it knows of no pairs
        (_EQUAL, 0, 2 + len(_FAMILIES), processor.socket), (_LOAD, 0, 0, _FIRST_ARGUMENT),
        *((_EQUAL, len(_FAMILIES) - at, 0, family) for at, family in enumerate(_FAMILIES)),
        (_RETURN, 0, 0, _REFUSE | errno.EAFNOSUPPORT),
        (_RETURN, 0, 0, _ALLOW),
    ]  # fmt: skip
    return b"".join(struct.pack("<HBBI", *step) for step in steps)


@contextmanager
def opened() -> Iterator[int]:
    """A descriptor of this machine's filter, for a child to inherit. Raises SandboxRefused."""
    processor = PROCESSORS.get(platform.machine())
    if processor is None:
        raise SandboxRefused(
            f"There is no filter of system calls for {platform.machine()[:40]}: programs are run "
            f"on {' and '.join(PROCESSORS)}."
        )
    descriptor = os.memfd_create("system calls")
    try:
        os.write(descriptor, program(processor))
        os.lseek(descriptor, 0, os.SEEK_SET)
        yield descriptor
    finally:
        os.close(descriptor)
