"""System calls that no program in the sandbox needs and many kernel faults went through.

Refused with EPERM, except `clone3`, whose flags lie behind a pointer that a filter cannot
follow: told that there is none, libraries fall back to `clone`.
"""

import errno
import tempfile
from functools import cache

_REFUSED = (
    # Other processes' memory.
    *("ptrace", "process_vm_readv", "process_vm_writev", "kcmp", "pidfd_getfd"),
    # The kernel's key rings, which no name space divides fully.
    *("add_key", "keyctl", "request_key"),
    # Name spaces and mounts.
    *("unshare", "setns", "mount", "umount2", "pivot_root", "chroot", "move_mount"),
    *("open_tree", "fsopen", "fsconfig", "fsmount", "fspick", "mount_setattr"),
    # Ways into the kernel that are young or for administrators.
    *("bpf", "perf_event_open", "userfaultfd", "io_uring_setup", "io_uring_enter"),
    *("io_uring_register", "open_by_handle_at", "name_to_handle_at", "quotactl", "acct"),
    *("init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load"),
    *("reboot", "swapon", "swapoff", "syslog", "settimeofday", "clock_settime", "adjtimex"),
    *("clock_adjtime", "iopl", "ioperm", "personality", "vhangup", "fanotify_init"),
    *("migrate_pages", "move_pages", "mbind", "set_mempolicy", "lookup_dcookie"),
)

_NEW_NAMESPACES = (0x10000000, 0x00020000, 0x20000000, 0x40000000, 0x08000000, 0x04000000)
"""CLONE_NEWUSER, NEWNS, NEWPID, NEWNET, NEWIPC, NEWUTS."""

_FAMILIES = (40, 38, 44, 31, 29, 30, 21, 17)
"""AF_VSOCK, which no network name space keeps from the hypervisor, ALG, XDP, BLUETOOTH, CAN,
TIPC, RDS, PACKET."""

_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C
"""Typing into a terminal on somebody else's behalf."""


@cache
def compiled_filter() -> bytes:
    """The filter as `bwrap --seccomp` reads it.

    Raises:
        OSError: libseccomp is not on this machine.
    """
    try:
        import pyseccomp as seccomp
    except RuntimeError as error:
        raise OSError("libseccomp is not installed; try: apt-get install libseccomp2") from error

    refused = seccomp.ERRNO(errno.EPERM)
    filter_ = seccomp.SyscallFilter(seccomp.ALLOW)
    for name in _REFUSED:
        filter_.add_rule(refused, name)
    for flag in _NEW_NAMESPACES:
        filter_.add_rule(refused, "clone", seccomp.Arg(0, seccomp.MASKED_EQ, flag, flag))
    for request in (_TIOCSTI, _TIOCLINUX):
        filter_.add_rule(refused, "ioctl", seccomp.Arg(1, seccomp.MASKED_EQ, 0xFFFFFFFF, request))
    for family in _FAMILIES:
        filter_.add_rule(refused, "socket", seccomp.Arg(0, seccomp.EQ, family))
    filter_.add_rule(seccomp.ERRNO(errno.ENOSYS), "clone3")
    with tempfile.TemporaryFile() as file:
        filter_.export_bpf(file)
        file.seek(0)
        return file.read()
