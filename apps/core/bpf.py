"""Compile capture filters with libpcap, for agents that have none: text in, classic BPF instructions out.

libpcap is a system library (Debian and Ubuntu: package libpcap0.8, Fedora: libpcap, Alpine: libpcap), used through
ctypes for this alone. Its parser keeps global state in old versions, so one compilation runs at a time.
"""

import ctypes
import ctypes.util
import threading
from functools import cache
from typing import Any

#: A program longer than this is refused by the kernel (BPF_MAXINSNS, linux/bpf_common.h).
MAX_INSTRUCTIONS = 4096
#: 4 KiB: an expression that fits one line of a form; libpcap's optimizer takes long for much more.
MAX_EXPRESSION = 4096
SNAP_LENGTH = 262144
NETMASK_UNKNOWN = 0xFFFFFFFF

Instruction = tuple[int, int, int, int]


class LibraryMissing(RuntimeError):
    """libpcap is not installed; the message names the package."""


class FilterError(ValueError):
    """The filter cannot be compiled; the message is libpcap's own."""


class _Instruction(ctypes.Structure):
    _fields_ = (("code", ctypes.c_ushort), ("jt", ctypes.c_ubyte), ("jf", ctypes.c_ubyte), ("k", ctypes.c_uint32))


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint), ("instructions", ctypes.POINTER(_Instruction)))


# libpcap counts with its own DLT_ numbers, which differ from LINKTYPE_ numbers for raw IP.
_DLT = {101: 12}

_one_at_a_time = threading.Lock()


def compile(expression: str, link: int) -> list[Instruction]:
    """The instructions (code, jt, jf, k) of a filter in the syntax of pcap-filter(7) for packets of link type `link`.

    An empty expression accepts everything. Raises FilterError and LibraryMissing.
    """
    if len(expression) > MAX_EXPRESSION:
        raise FilterError(f"the filter has {len(expression)} characters, at most {MAX_EXPRESSION} are allowed")
    if "\0" in expression:
        raise FilterError("the filter holds a NUL character")
    library = _library()
    with _one_at_a_time:
        handle = library.pcap_open_dead(_DLT.get(link, link), SNAP_LENGTH)
        if not handle:
            raise FilterError(f"libpcap knows no link type {link}")
        try:
            return _compile(library, handle, expression)
        finally:
            library.pcap_close(handle)


def _compile(library: Any, handle: int, expression: str) -> list[Instruction]:
    program = _Program()
    if library.pcap_compile(handle, ctypes.byref(program), expression.encode(), 1, NETMASK_UNKNOWN) != 0:
        reason = library.pcap_geterr(handle).decode("utf-8", "replace")
        raise FilterError(f"{expression!r} is not a valid filter: {reason}")
    try:
        if program.length > MAX_INSTRUCTIONS:
            raise FilterError(f"{expression!r} needs {program.length} instructions, a kernel takes {MAX_INSTRUCTIONS}")
        return [(i.code, i.jt, i.jf, i.k) for i in program.instructions[: program.length]]
    finally:
        library.pcap_freecode(ctypes.byref(program))


@cache
def _library() -> Any:
    name = ctypes.util.find_library("pcap") or "libpcap.so.0.8"
    try:
        library = ctypes.CDLL(name)
    except OSError as error:
        raise LibraryMissing(
            "filters need libpcap on the server: install the package libpcap0.8 (apt install libpcap0.8; libpcap on"
            " Fedora and Alpine)"
        ) from error
    library.pcap_open_dead.restype = ctypes.c_void_p
    library.pcap_open_dead.argtypes = (ctypes.c_int, ctypes.c_int)
    library.pcap_compile.argtypes = (
        ctypes.c_void_p,
        ctypes.POINTER(_Program),
        ctypes.c_char_p,
        ctypes.c_int,
        ctypes.c_uint32,
    )
    library.pcap_geterr.restype = ctypes.c_char_p
    library.pcap_geterr.argtypes = (ctypes.c_void_p,)
    library.pcap_freecode.argtypes = (ctypes.POINTER(_Program),)
    library.pcap_freecode.restype = None
    library.pcap_close.argtypes = (ctypes.c_void_p,)
    library.pcap_close.restype = None
    return library
