"""The kernel itself, and using everything up: there, out is who had more than the limit."""

import ctypes
import errno
import mmap
import os
import signal
import struct
import subprocess
import time
from pathlib import Path

from registry import call, family, probe


@probe
def add_a_key(bait: dict) -> bool:
    return call("add_key", b"user", b"probe", b"x", 1, ctypes.c_long(-4)) > 0


@probe
def read_the_session_keyring(bait: dict) -> bool:
    return call("keyctl", 0, ctypes.c_long(-3), 0) > 0


@probe
def load_a_bpf_program(bait: dict) -> bool:
    return call("bpf", 0, struct.pack("IIII", 1, 4, 4, 1) + bytes(56), 72) >= 0


@probe
def count_events_of_the_kernel(bait: dict) -> bool:
    return call("perf_event_open", struct.pack("II", 1, 112) + bytes(104), 0, -1, -1, 0) >= 0


@probe
def catch_page_faults(bait: dict) -> bool:
    return call("userfaultfd", 1) >= 0


@probe
def open_an_io_ring(bait: dict) -> bool:
    return call("io_uring_setup", 4, ctypes.create_string_buffer(120)) >= 0


@family("ask_the_kernel_to", {
    "load_a_module": ("init_module", (b"", 0, b"")),
    "load_another_kernel": ("kexec_load", (0, 0, None, 0)),
    "show_its_log": ("syslog", (3, ctypes.create_string_buffer(64), 64)),
    "set_the_clock": ("settimeofday", (struct.pack("qq", int(time.time()), 0), None)),
    "keep_accounts": ("acct", (b"/tmp/accounts",)), "watch_all_files": ("fanotify_init", (0, 0)),
    "swap_to_a_file": ("swapon", (b"/tmp/swap", 0)), "set_quotas": ("quotactl", (0, b"/", 0, None)),
})  # fmt: skip
def ask_the_kernel(bait: dict, what: object) -> bool:
    name, arguments = what
    try:
        return call(name, *arguments) >= 0
    except OSError as error:
        # Anything but a refusal says that it was considered.
        return error.errno not in (errno.EPERM, errno.ENOSYS, errno.EACCES)


@probe
def type_into_a_terminal(bait: dict) -> bool:
    import fcntl
    import pty

    _, inner = pty.openpty()
    fcntl.ioctl(inner, 0x5412, b"x")
    return True


@probe
def fork_without_end(bait: dict) -> bool:
    children = []
    try:
        while len(children) <= bait["tasks"]:
            child = os.fork()
            if child == 0:
                time.sleep(60)
                os._exit(0)
            children.append(child)
    except OSError:
        return False
    finally:
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
    return True


@probe
def take_all_memory(bait: dict) -> bool:
    held = []
    page = b"x" * 2**20
    for _ in range(bait["memory"] // 2**20 + 64):
        piece = mmap.mmap(-1, 2**20)
        piece.write(page)
        held.append(piece)
    return True


@family("fill", {
    "the_home": "HOME", "tmp": "/tmp", "shared_memory": "/dev/shm",
    "the_run_folder": "/run/user/1000",
})  # fmt: skip
def fill(bait: dict, folder: object) -> bool:
    where = os.environ["HOME"] if folder == "HOME" else str(folder)
    path = Path(where) / "fill"
    piece = b"x" * 2**20
    try:
        with path.open("wb", buffering=0) as file:
            for _ in range(bait["space"] // 2**20 + 1):
                if file.write(piece) < len(piece):
                    return False
    finally:
        path.unlink(missing_ok=True)
    return True


@probe
def fill_by_small_files(bait: dict) -> bool:
    folder = Path(os.environ["HOME"]) / "many"
    folder.mkdir()
    try:
        for number in range(bait["space"] // 4096 + 1):
            (folder / str(number)).write_bytes(b"x" * 4096)
    finally:
        subprocess.run(("rm", "-rf", str(folder)))
    return True
