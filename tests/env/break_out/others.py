"""Other processes, networks, sockets, buses, displays, shared memory."""

import ctypes
import os
import resource
import signal
import socket
import struct
import subprocess
from pathlib import Path

from registry import LIBC, call, family, probe


@probe
def see_a_process_outside(bait: dict) -> bool:
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                if bait["mark"] in (folder / "cmdline").read_text():
                    return True
            except OSError:
                continue
    return False


@probe
def end_a_process_outside(bait: dict) -> bool:
    if bait["mark"] not in Path(f"/proc/{bait['process']}/cmdline").read_text():
        return False
    os.kill(bait["process"], signal.SIGCONT)
    return True


@probe
def hold_a_process_outside(bait: dict) -> bool:
    descriptor = call("pidfd_open", bait["process"], 0)
    return bait["mark"] in Path(f"/proc/self/fdinfo/{descriptor}").read_text()


@family("trace", {"process_1": 1, "the_supervisor": 2, "the_parent": 0})
def trace(bait: dict, process: object) -> bool:
    # PTRACE_SEIZE: does not stop it.
    return call("ptrace", 0x4206, process or os.getppid(), None, None) == 0


@family("memory_of", {"process_1": 1, "the_supervisor": 2})
def other_memory(bait: dict, process: object) -> bool:
    buffer = ctypes.create_string_buffer(8)
    local = struct.pack("PN", ctypes.addressof(buffer), 8)
    first = Path(f"/proc/{process}/maps").read_text().split("-")[0]
    remote = struct.pack("PN", int(first, 16), 8)
    return call("process_vm_readv", process, local, 1, remote, 1, 0) > 0


@probe
def steal_the_supervisors_socket(bait: dict) -> bool:
    return call("pidfd_getfd", call("pidfd_open", 2, 0), 3, 0) >= 0


@probe
def read_secrets_of_the_environment(bait: dict) -> bool:
    for file in Path("/proc").glob("[0-9]*/environ"):
        try:
            if bait["mark"].encode() in file.read_bytes():
                return True
        except OSError:
            continue
    return False


@probe
def run_before_everybody_else(bait: dict) -> bool:
    os.nice(-5)
    return True


@probe
def run_in_real_time(bait: dict) -> bool:
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    return True


@probe
def raise_a_limit(bait: dict) -> bool:
    resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    return True


def connect(address: object, family: int = socket.AF_INET, kind: int = socket.SOCK_STREAM) -> bool:
    with socket.socket(family, kind) as link:
        link.settimeout(2.0)
        link.connect(address)
        return True


@family("connect_to", {
    "a_port_of_the_loopback": ("127.0.0.1", "port"),
    "a_port_by_another_name": ("127.0.0.2", "port"),
    "a_port_of_the_machine": ("address", "port"), "the_internet": ("1.1.1.1", 443),
    "a_cloud_metadata_server": ("169.254.169.254", 80), "a_name_server": ("8.8.8.8", 53),
    "the_machine_by_its_gateway": ("10.0.2.2", "port"), "everybody": ("255.255.255.255", "port"),
    "the_machine_by_its_name_server": ("10.0.2.3", "port"),
    "everybody_near": ("10.0.2.255", "port"),
    "nobody_in_particular": ("0.0.0.0", "port"),
})  # fmt: skip
def connect_to(bait: dict, where: object) -> bool:
    host, port = where
    return connect((bait.get(host, host), bait["port"] if port == "port" else port))


@family("connect_past_the_routes_to", {
    "the_loopback": ("127.0.0.1", "port"), "the_machine": ("address", "port"),
    "a_cloud_metadata_server": ("169.254.169.254", 80),
})  # fmt: skip
def connect_past_routes(bait: dict, where: object) -> bool:
    host, port = where
    with socket.socket() as link:
        link.settimeout(0.7)
        names = [name for _, name in socket.if_nameindex() if name != "lo"]
        link.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, names[0].encode())
        link.connect((bait.get(host, host), bait["port"] if port == "port" else port))
    return True


@probe
def connect_to_the_machine_by_a_route_of_the_packets_own(bait: dict) -> bool:
    with socket.socket() as link:
        link.settimeout(0.7)
        # Loose source routing: by way of the gateway.
        route = bytes((131, 7, 4)) + socket.inet_aton(bait["address"]) + b"\0"
        link.setsockopt(socket.IPPROTO_IP, socket.IP_OPTIONS, route)
        link.connect(("10.0.2.2", bait["port"]))
    return True


@family("send_a_datagram_to_the_machine_by", {
    "its_loopback": "127.0.0.1", "its_address": "address", "its_gateway": "10.0.2.2",
    "its_name_server": "10.0.2.3",
})  # fmt: skip
def send_a_datagram(bait: dict, host: object) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        link.settimeout(0.5)
        link.sendto(b"out", (bait.get(host, host), bait["udp_port"]))
        return link.recv(16) == b"answered"


@family("network", {
    "without_walls": ("route", "del", "unreachable", "169.254.0.0/16"),
    "of_ones_own": ("link", "add", "way-out", "type", "dummy"),
})  # fmt: skip
def administer_the_network(bait: dict, words: object) -> bool:
    return subprocess.run(("/usr/sbin/ip", *words), check=False).returncode == 0


@probe
def connect_by_ipv6(bait: dict) -> bool:
    return connect(("::1", bait["port"]), socket.AF_INET6)


@probe
def send_a_datagram_out(bait: dict) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        link.sendto(b"out", ("8.8.8.8", 53))
    return True


@probe
def look_up_a_name(bait: dict) -> bool:
    return bool(socket.getaddrinfo("example.org", 443))


@probe
def find_another_network(bait: dict) -> bool:
    return any(name != "lo" for _, name in socket.if_nameindex())


@probe
def open_a_raw_socket(bait: dict) -> bool:
    socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    return True


@probe
def open_a_packet_socket(bait: dict) -> bool:
    socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    return True


@probe
def reach_the_hypervisor(bait: dict) -> bool:
    try:
        return connect((2, 1024), socket.AF_VSOCK)
    except ConnectionResetError:
        # Reached, though nobody listens there.
        return True


@family("connect_to_a", {
    "abstract_socket": "abstract", "socket_in_tmp": "socket", "session_bus": "bus",
    "display": "display", "display_by_its_abstract_socket": "display_abstract",
})  # fmt: skip
def connect_unix(bait: dict, which: object) -> bool:
    return connect(bait[which].replace("@", "\0"), socket.AF_UNIX)


@family("connect_to_the", {
    "system_bus": "/run/dbus/system_bus_socket", "docker_engine": "/run/docker.sock",
    "systemd": "/run/systemd/private", "containerd": "/run/containerd/containerd.sock",
    "journal": "/run/systemd/journal/stdout",
})  # fmt: skip
def connect_daemon(bait: dict, path: object) -> bool:
    return connect(path, socket.AF_UNIX)


@probe
def change_the_hosts_name(bait: dict) -> bool:
    return call("sethostname", b"taken", 5) == 0


@probe
def attach_shared_memory(bait: dict) -> bool:
    LIBC.shmat.restype = ctypes.c_void_p
    return LIBC.shmat(bait["shm"], None, 0o10000) not in (None, ctypes.c_void_p(-1).value)


@probe
def read_posix_shared_memory(bait: dict) -> bool:
    return bool(Path(bait["posix_shm"]).read_bytes())


@probe
def take_a_message(bait: dict) -> bool:
    return LIBC.msgget(bait["message_key"], 0) >= 0
