"""Reading, opening and changing what lies outside."""

import os
import signal
import struct
import subprocess
from pathlib import Path

from registry import call, family, probe


@family("read", {
    "a_file_of_the_home": "secret", "an_ssh_key": "key", "another_agents_log": "log",
    "the_project": "project",
})  # fmt: skip
def read_bait(bait: dict, which: object) -> bool:
    return bool(Path(bait[which]).read_bytes())


@family("read", {
    "shadow": "/etc/shadow", "sudoers": "/etc/sudoers", "ssh_host_keys": "/etc/ssh",
    "logs": "/var/log", "packages_state": "/var/lib", "boot": "/boot", "sys": "/sys/kernel",
    "mounts_of_others": "/mnt", "srv": "/srv", "media": "/media", "spool": "/var/spool",
    "kernel_memory": "/proc/kcore", "kernel_symbols": "/proc/kallsyms", "kernel_keys": "/proc/keys",
    "kernel_log": "/proc/kmsg", "slab": "/proc/slabinfo", "pages": "/proc/kpageflags",
})  # fmt: skip
def read_path(bait: dict, path: object) -> bool:
    found = Path(str(path))
    if found.is_dir():
        return any(found.iterdir())
    with found.open("rb", buffering=0) as file:
        return bool(file.read(64))


@probe
def users_of_the_machine_are_listed(bait: dict) -> bool:
    return "root:" in Path("/etc/passwd").read_text()


@probe
def this_machines_number_is_known(bait: dict) -> bool:
    return Path("/etc/machine-id").read_text() == bait["machine_id"]


@family("through", {
    "the_root_of_process_1": "/proc/1/root", "the_folder_of_process_1": "/proc/1/cwd",
    "the_parent_of_the_root": "/..", "the_root_of_this_process": "/proc/self/root/..",
    "the_folder_of_the_thread": "/proc/thread-self/cwd/../../..",
})  # fmt: skip
def read_through(bait: dict, way: object) -> bool:
    return bool(Path(f"{way}{bait['secret']}").read_bytes())


@probe
def through_descriptors_left_open(bait: dict) -> bool:
    for number in range(3, 256):
        try:
            kind = os.readlink(f"/proc/self/fd/{number}")
            if kind.startswith("/") and os.stat(f"/proc/self/fd/{number}/..").st_ino:
                return bool(Path(f"/proc/self/fd/{number}{bait['secret']}").read_bytes())
        except OSError:
            continue
    return False


@probe
def through_a_file_handle(bait: dict) -> bool:
    handle = struct.pack("IiQ", 8, 1, 2) + bytes(120)
    root = os.open("/", os.O_RDONLY)
    return call("open_by_handle_at", root, handle, os.O_RDONLY) >= 0


@family("open", {
    "the_disk": "/dev/vda", "another_disk": "/dev/sda", "memory": "/dev/mem",
    "the_kernel_log": "/dev/kmsg", "fuse": "/dev/fuse", "kvm": "/dev/kvm",
    "a_tunnel": "/dev/net/tun", "input_devices": "/dev/input/event0", "uinput": "/dev/uinput",
    "a_loop_device": "/dev/loop-control", "a_graphics_card": "/dev/dri/card0",
    "vsock": "/dev/vsock",
    "the_console": "/dev/console",
})  # fmt: skip
def open_device(bait: dict, path: object) -> bool:
    os.close(os.open(str(path), os.O_RDWR | os.O_NONBLOCK))
    return True


@probe
def make_a_device(bait: dict) -> bool:
    os.mknod("/tmp/disk", 0o600 | 0o060000, os.makedev(254, 0))
    return True


@family("write", {
    "usr": "/usr/probe", "etc": "/etc/probe", "the_root": "/probe", "dev": "/dev/probe",
    "our_own_supervisor": "/run/moonhand/supervisor.py", "opt": "/opt/probe",
    "passwd": "/etc/passwd", "ld_so_cache": "/etc/ld.so.cache", "a_program": "/usr/bin/true",
    "core_pattern": "/proc/sys/kernel/core_pattern", "modprobe": "/proc/sys/kernel/modprobe",
    "sysrq": "/proc/sysrq-trigger", "overcommit": "/proc/sys/vm/overcommit_memory",
    "forwarding": "/proc/sys/net/ipv4/ip_forward", "the_user_map": "/proc/self/uid_map",
    "cgroups": "/sys/fs/cgroup/pids/cgroup.procs", "interrupts": "/proc/irq/default_smp_affinity",
})  # fmt: skip
def open_for_writing(bait: dict, path: object) -> bool:
    os.close(os.open(str(path), os.O_WRONLY | os.O_CREAT))
    return True


@probe
def write_what_is_only_shown(bait: dict) -> bool:
    os.close(os.open(bait["shown"], os.O_WRONLY))
    return True


@probe
def be_the_last_one_killed_for_memory(bait: dict) -> bool:
    Path("/proc/self/oom_score_adj").write_text("-1000")
    return True


@probe
def mark_a_program_of_the_system(bait: dict) -> bool:
    os.chmod("/usr/bin/true", 0o4755)
    return True


@probe
def a_program_of_ours_that_becomes_root(bait: dict) -> bool:
    code = "cp /usr/bin/id /tmp/id && chmod 6755 /tmp/id && /tmp/id -u"
    return subprocess.run(("sh", "-c", code), capture_output=True, text=True).stdout == "0\n"


@probe
def become_root(bait: dict) -> bool:
    os.setuid(0)
    return os.getuid() == 0


@probe
def su(bait: dict) -> bool:
    ran = subprocess.run(("su", "-c", "id -u"), capture_output=True, text=True, input="\n")
    return ran.stdout.strip() == "0"


@probe
def take_capabilities(bait: dict) -> bool:
    header = struct.pack("Ii", 0x20080522, 0)
    everything = struct.pack("IIIIII", *(0xFFFFFFFF, 0xFFFFFFFF, 0, 0x1FF, 0x1FF, 0))
    call("capset", header, everything)
    return True


@family("new", {
    "user_namespace": 0x10000000, "mount_namespace": 0x20000, "network_namespace": 0x40000000,
    "process_namespace": 0x20000000, "user_and_mount_namespace": 0x10020000,
})  # fmt: skip
def unshare(bait: dict, flags: object) -> bool:
    return call("unshare", flags) == 0


@probe
def clone_into_a_user_namespace(bait: dict) -> bool:
    child = call("clone", 0x10000000 | signal.SIGCHLD, None, None, None, None)
    if child == 0:
        os._exit(0)
    return True


@probe
def clone3_into_a_user_namespace(bait: dict) -> bool:
    arguments = struct.pack("11Q", 0x10000000, 0, 0, 0, signal.SIGCHLD, *(0,) * 6)
    child = call("clone3", arguments, len(arguments))
    if child == 0:
        os._exit(0)
    return True


@probe
def enter_the_namespace_of_process_1(bait: dict) -> bool:
    return call("setns", os.open("/proc/1/ns/mnt", os.O_RDONLY), 0) == 0


@probe
def mount_a_file_system(bait: dict) -> bool:
    return call("mount", b"none", b"/tmp", b"tmpfs", 0, None) == 0


@probe
def mount_by_the_new_calls(bait: dict) -> bool:
    return call("fsopen", b"tmpfs", 0) >= 0


@probe
def make_usr_writable(bait: dict) -> bool:
    return call("mount", b"none", b"/usr", None, 32 | 4096, None) == 0


@probe
def take_a_mask_off(bait: dict) -> bool:
    return call("umount2", b"/proc/kallsyms", 2) == 0


@probe
def change_the_root(bait: dict) -> bool:
    return call("chroot", b"/tmp") == 0


@probe
def swap_the_root(bait: dict) -> bool:
    return call("pivot_root", b"/tmp", b"/tmp") == 0
