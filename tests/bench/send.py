"""Send packets through an interface at a rate: `python send.py interface bytes packets-a-second seconds`.

Many packets a system call (sendmmsg), so that one process of Python can send hundreds of thousands a second. Prints how
many were sent. Needs CAP_NET_RAW; meant for an interface in a namespace of one's own.
"""

import ctypes
import os
import socket
import struct
import sys
import time

BATCH = 256
STEP = 0.005  # seconds
_QDISC_BYPASS = 20  # PACKET_QDISC_BYPASS


class _Vector(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


class _Header(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_void_p), ("name_length", ctypes.c_uint32), ("vector", ctypes.POINTER(_Vector)),
        ("vectors", ctypes.c_size_t), ("control", ctypes.c_void_p), ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int), ("sent", ctypes.c_uint32),
    )  # fmt: skip


def frame(size: int, number: int) -> bytes:
    """TCP over IPv4 over Ethernet, to nobody."""
    payload = bytes([65 + number % 26]) * (size - 54)
    tcp = struct.pack(">HHIIBBHHH", 40_000 + number % 1000, 80, number, 1, 0x50, 0x18, 65535, 0, 0)
    here, there = b"\xc6\x12\0\x01", b"\xc6\x12\0\x02"  # RFC 2544: addresses of benchmarks
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, size - 14, number & 0xFFFF, 0, 64, 6, 0, here, there)
    return b"\x02\0\0\0\0\x02\x02\0\0\0\0\x01\x08\0" + ip + tcp + payload


def main(interface: str, size: int, rate: float, seconds: float) -> int:
    """How many packets were sent."""
    libc = ctypes.CDLL(None, use_errno=True)
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    s.setsockopt(263, _QDISC_BYPASS, 1)
    s.bind((interface, 0x0800))
    buffers = [ctypes.create_string_buffer(frame(size, n), size) for n in range(BATCH)]
    vectors = [_Vector(ctypes.addressof(buffer), size) for buffer in buffers]
    headers = (_Header * BATCH)(*(_Header(None, 0, ctypes.pointer(v), 1, None, 0, 0, 0) for v in vectors))
    sent, began = 0, time.monotonic()
    while (now := time.monotonic() - began) < seconds:
        due = int(rate * now) - sent
        while due > 0:
            done = libc.sendmmsg(s.fileno(), headers, min(due, BATCH), 0)
            if done < 0:
                if ctypes.get_errno() in (105, 11):  # ENOBUFS, EAGAIN: the other end is behind
                    break
                raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
            sent, due = sent + done, due - done
        time.sleep(STEP)
    return sent


if __name__ == "__main__":
    print(main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4])))
