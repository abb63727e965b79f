"""The ways out that there are, by name, and system calls by theirs."""

import ctypes
import os
from collections.abc import Callable

PROBES: dict[str, Callable[[dict], bool]] = {}
LIBC = ctypes.CDLL(None, use_errno=True)

# x86_64 and the generic table of the rest (aarch64, riscv64).
NUMBERS = {
    "ptrace": (101, 117), "keyctl": (250, 219), "add_key": (248, 217), "bpf": (321, 280),
    "perf_event_open": (298, 241), "userfaultfd": (323, 282), "io_uring_setup": (425, 425),
    "init_module": (175, 105), "kexec_load": (246, 104), "reboot": (169, 142),
    "syslog": (103, 116), "process_vm_readv": (310, 270), "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438), "open_by_handle_at": (304, 265), "unshare": (272, 97),
    "setns": (308, 268), "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41),
    "chroot": (161, 51), "clone": (56, 220), "clone3": (435, 435), "settimeofday": (164, 170),
    "sethostname": (170, 161), "swapon": (167, 224), "fsopen": (430, 430),
    "move_mount": (429, 429), "open_tree": (428, 428), "capset": (126, 91),
    "mq_open": (240, 180), "acct": (163, 89), "quotactl": (179, 60), "fanotify_init": (300, 262),
    "add_swap": (167, 224), "name_to_handle_at": (303, 264),
}  # fmt: skip


def call(name: str, *arguments: object) -> int:
    """A system call by name; OSError if the kernel says no."""
    number = NUMBERS[name][0 if os.uname().machine == "x86_64" else 1]
    ctypes.set_errno(0)
    result = LIBC.syscall(ctypes.c_long(number), *arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def probe(function: Callable[[dict], bool]) -> Callable[[dict], bool]:
    PROBES[function.__name__] = function
    return function


def family(prefix: str, each: dict[str, object]) -> Callable:
    """The same attempt on several things."""

    def register(function: Callable[[dict, object], bool]) -> Callable:
        for name, value in each.items():
            PROBES[f"{prefix}_{name}"] = lambda bait, value=value: function(bait, value)
        return function

    return register
