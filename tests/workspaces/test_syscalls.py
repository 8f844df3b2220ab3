"""The kernel refuses a program in the sandbox what it has no use for; what it needs still works."""

from __future__ import annotations

import ctypes
import errno
import json
import platform
import struct
from pathlib import Path

import pytest

from tests.support.engine import engine
from workspaces import syscalls
from workspaces.errors import SandboxRefused
from workspaces.sandbox import Ended, Profile, Sandbox

PROFILE = Profile(data_bytes=16 << 20, memory_bytes=4 << 30, seconds=60)
ALLOW, KILL = 0x7FFF0000, 0x80000000
CLONE_NEWUSER, SIGCHLD = 0x10000000, 17
NAME_UNKNOWN, NUMBERED_ALIKE = -1, 424


def answer(processor: syscalls.Processor, number: int, first: int = 0, token: int = 0) -> int:
    """What the filter says of one call: the kernel's machine, as bpf(4) describes it."""
    steps = list(struct.iter_unpack("<HBBI", syscalls.program(processor)))
    data = struct.pack("<IIQQ", number & 0xFFFFFFFF, token or processor.token, 0, first)
    held, at = 0, 0
    while True:
        code, yes, no, value = steps[at]
        at += 1
        match code:
            case 0x20:
                (held,) = struct.unpack_from("<I", data, value)
            case 0x15:
                at += yes if held == value else no
            case 0x35:
                at += yes if held >= value else no
            case 0x45:
                at += yes if held & value else no
            case 0x06:
                return int(value)
            case _:
                raise AssertionError(code)


def refused(number: int) -> int:
    return 0x00050000 | number


@pytest.fixture(params=sorted(syscalls.PROCESSORS))
def processor(request: pytest.FixtureRequest) -> syscalls.Processor:
    return syscalls.PROCESSORS[request.param]


def test_every_call_on_the_list_is_refused_and_every_other_is_allowed(
    processor: syscalls.Processor,
) -> None:
    listed = {pair[processor.place] for pair in syscalls.REFUSED.values()}
    apart = {processor.clone, processor.clone3, processor.socket, processor.socketpair}
    for number in range(syscalls.FIRST_UNREAD):
        expected = refused(errno.EPERM) if number in listed else ALLOW
        if number not in apart:
            assert answer(processor, number) == expected


@pytest.mark.parametrize("number", [syscalls.FIRST_UNREAD, 500, 1000, 0x3FFFFFFF])
def test_a_call_that_is_newer_than_the_list_does_not_exist(
    processor: syscalls.Processor, number: int
) -> None:
    assert answer(processor, number) == refused(errno.ENOSYS)


def test_threads_and_children_are_allowed_and_new_namespaces_are_not(
    processor: syscalls.Processor,
) -> None:
    threads = 0x3D0F00  # as the C library asks for one
    for flags in (SIGCHLD, threads, 0x4111):
        assert answer(processor, processor.clone, flags) == ALLOW
    for bit in (0x20000, *(1 << shift for shift in range(25, 31))):
        assert answer(processor, processor.clone, bit | SIGCHLD) == refused(errno.EPERM)
    assert answer(processor, processor.clone3) == refused(errno.ENOSYS)


@pytest.mark.parametrize("name", ["socket", "socketpair"])
def test_sockets_are_of_three_families(processor: syscalls.Processor, name: str) -> None:
    call = getattr(processor, name)
    allowed = [n for n in range(50) if answer(processor, call, n) == ALLOW]
    assert allowed == [1, 2, 10]
    assert answer(processor, call, 40) == refused(errno.EAFNOSUPPORT)  # AF_VSOCK


@pytest.mark.parametrize("token", [0x40000003, 0xC0000028, 1])
def test_the_calls_of_another_processor_end_the_program(
    processor: syscalls.Processor, token: int
) -> None:
    assert answer(processor, 0, token=token) == KILL


def test_calls_that_are_numbered_anew_are_refused() -> None:
    found = syscalls.PROCESSORS["x86_64"]
    for number in (0x40000000, 0x40000000 + 520, 0xFFFFFFFF):
        assert answer(found, number) == refused(errno.EPERM)


def test_the_numbers_are_those_of_libseccomp() -> None:
    try:
        library = ctypes.CDLL("libseccomp.so.2")
    except OSError:
        pytest.skip("libseccomp is not installed, so nothing tells the numbers independently")
    named = library.seccomp_syscall_resolve_name_arch
    named.argtypes, named.restype = (ctypes.c_uint32, ctypes.c_char_p), ctypes.c_int
    for found in syscalls.PROCESSORS.values():
        numbers = {name: pair[found.place] for name, pair in syscalls.REFUSED.items()}
        apart = ("clone", "clone3", "socket", "socketpair")
        numbers |= {name: getattr(found, name) for name in apart}
        for name, number in numbers.items():
            told = named(found.token, name.encode())
            if told == NAME_UNKNOWN:  # newer than the library
                assert number is not None, name
                assert NUMBERED_ALIKE <= number < syscalls.FIRST_UNREAD, name
            else:
                assert (None if told < 0 else told) == number, name


def test_on_another_processor_nothing_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    with pytest.raises(SandboxRefused, match=r"riscv64.*x86_64 and aarch64"), syscalls.opened():
        raise AssertionError("there is no filter")


# In the sandbox


async def run(script: str, profile: Profile = PROFILE) -> Ended:
    sandbox = await Sandbox.start(profile, ["python3", "-c", script])
    return await sandbox.ended()


ATTEMPTS = """
import ctypes, errno, json, os, platform, socket
libc = ctypes.CDLL(None, use_errno=True)
calls = json.loads(%r)
told = {}
for name, number in calls.items():
    found = libc.syscall(number, 0, 0, 0, 0, 0, 0)
    told[name] = [found, ctypes.get_errno()]
flags = 0x10000000 | 17
told["clone into a new user namespace"] = [libc.syscall(%d, flags, 0, 0, 0, 0), ctypes.get_errno()]
for family in (16, 17, 38, 40):
    for made in (socket.socket, socket.socketpair):
        try:
            made(family, socket.SOCK_STREAM)
            told[f"socket {family} {made}"] = [0, 0]
        except OSError as error:
            told[f"socket {family} {made}"] = [-1, error.errno]
print(json.dumps([os.getuid(), os.getgid(), told]))
"""


@pytest.mark.anyio
@pytest.mark.sandbox
async def test_a_hostile_program_is_refused_every_one_of_them() -> None:
    found = syscalls.PROCESSORS[platform.machine()]
    numbers = {name: pair[found.place] for name, pair in syscalls.REFUSED.items()}
    asked = {name: number for name, number in numbers.items() if number is not None}
    ended = await run(ATTEMPTS % (json.dumps(asked), found.clone))
    assert ended.code == 0, ended.output
    user, group, told = json.loads(ended.output)
    assert (user, group) == (65534, 65534)
    assert len(told) == len(asked) + 9
    for name, (result, number) in told.items():
        wanted = errno.EAFNOSUPPORT if name.startswith("socket ") else errno.EPERM
        assert (result, number) == (-1, wanted), name


@pytest.mark.anyio
@pytest.mark.sandbox
async def test_what_an_analysis_needs_still_works(tmp_path: Path) -> None:
    script = """
import concurrent.futures, os, socket, subprocess, threading
with concurrent.futures.ThreadPoolExecutor(2) as pool:
    assert list(pool.map(lambda n: n * n, range(4))) == [0, 1, 4, 9]
child = os.fork()
if not child:
    os._exit(7)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
assert subprocess.run(["true"]).returncode == 0
left, right = socket.socketpair()
server = socket.create_server(("127.0.0.1", 0))
socket.create_connection(server.getsockname()).close()
open("x", "wb").write(b"x")
import ctypes, errno
libc = ctypes.CDLL(None, use_errno=True)
assert (libc.syscall(%d, 0, 0), ctypes.get_errno()) == (-1, errno.ENOSYS)
print("good")
"""
    ended = await run(script % syscalls.FIRST_UNREAD)
    assert (ended.code, ended.output) == (0, b"good\n")


@pytest.mark.anyio
@pytest.mark.sandbox
async def test_the_engines_libraries_run_under_it() -> None:
    made = engine()
    profile = Profile(
        data_bytes=16 << 20, memory_bytes=8 << 30, seconds=120, readable=made.readable
    )
    script = (
        "import numpy, scipy.linalg, cyvcf2, flwr, grpc; x = numpy.eye(300) * 2; "
        "print(numpy.trace(x @ x), scipy.linalg.inv(x)[0, 0])"
    )
    sandbox = await Sandbox.start(profile, [str(made.python), "-c", script])
    ended = await sandbox.ended()
    assert (ended.code, ended.output.split()[-2:]) == (0, [b"1200.0", b"0.5"]), ended.output
