"""Out of the container by the kernel, devices and mounts, from an agent's worker."""

import os
from collections.abc import Callable

import pytest

from domain.workers import Worker
from tests.hostile.attempts import shell, tried

pytestmark = pytest.mark.docker

ATTEMPTS = {
    "docker socket": """any_of(socket.socket(socket.AF_UNIX).connect,
        "/var/run/docker.sock", "/run/docker.sock", "/run/containerd/containerd.sock", "/host/var/run/docker.sock")""",
    "abstract socket of containerd": 'socket.socket(socket.AF_UNIX).connect("\\0/containerd-shim/x.sock")',
    "file of the host by its own path": 'open(os.environ["HOST_FILE"])',
    "file of the host by the root of process 1": 'open("/proc/1/root" + os.environ["HOST_FILE"])',
    "file of the host by the folder of process 1": 'open("/proc/1/cwd/../../.." + os.environ["HOST_FILE"])',
    "file of the host by its handle (shocker)": """
fd = os.open("/", os.O_RDONLY)
system("open_by_handle_at", fd, struct.pack("IiQ", 8, 1, 2), os.O_RDONLY)""",
    "memory of the machine": 'any_of(read, "/dev/mem", "/dev/kmem", "/dev/port", "/proc/kcore")',
    "disks of the machine": 'any_of(read, "/dev/vda", "/dev/sda", "/dev/nvme0n1", "/dev/dm-0", "/dev/root")',
    "a device node of the disk": "any_of(lambda path: os.mknod(path, 0o60600, os.makedev(254, 0)), *WRITABLE)",
    "a device node of the memory": "any_of(lambda path: os.mknod(path, 0o20600, os.makedev(1, 1)), *WRITABLE)",
    "kvm, fuse, tun and loop devices": """
any_of(lambda path: os.open(path, os.O_RDWR), "/dev/kvm", "/dev/fuse", "/dev/net/tun", "/dev/loop-control")""",
    "mount a disk": 'c("mount", b"/dev/vda", b"/tmp", b"ext4", 0, None)',
    "mount proc anew": 'c("mount", b"proc", b"/tmp", b"proc", 0, None)',
    "mount a control group (release_agent)": 'c("mount", b"cgroup", b"/tmp", b"cgroup", 0, b"memory")',
    "make the root writable": 'c("mount", None, b"/", None, 32 | 4096, None)',
    "unmount what hides files of the kernel": 'c("umount2", b"/proc/kcore", 2)',
    "pivot_root": 'system("pivot_root", b"/tmp", b"/tmp")',
    "chroot": 'os.chroot("/tmp")',
    "release_agent of a control group": """
import glob
paths = glob.glob("/sys/fs/cgroup/*/release_agent")
any_of(lambda path: write(path, "/tmp/x"), *paths, "/sys/fs/cgroup/release_agent")""",
    "raise the own memory limit": """
any_of(lambda path: write(path, "-1"), "/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory.max")""",
    "leave the own control group": """
any_of(lambda path: write(path, str(os.getpid())), "/sys/fs/cgroup/memory/cgroup.procs", "/sys/fs/cgroup/cgroup.procs")""",
    "core_pattern": 'write("/proc/sys/kernel/core_pattern", "|/tmp/x")',
    "modprobe and uevent_helper": """
any_of(lambda path: write(path, "/tmp/x"), "/proc/sys/kernel/modprobe", "/sys/kernel/uevent_helper")""",
    "binfmt_misc": 'write("/proc/sys/fs/binfmt_misc/register", ":x:M::x::/tmp/x:C")',
    "sysrq": 'write("/proc/sysrq-trigger", "b")',
    "settings of the kernel's network": 'write("/proc/sys/net/ipv4/ip_forward", "1")',
    "write to sysfs": """
any_of(lambda path: write(path, "0"), "/sys/block/vda/queue/nr_requests", "/sys/power/state", "/sys/kernel/mm/ksm/run")""",
    "load a module": 'system("init_module", b"x", 1, b"")',
    "load another kernel": 'system("kexec_load", 0, 0, None, 0)',
    "reboot": 'c("reboot", 0x01234567)',
    "become root": "any_of(lambda change: change(0), os.setuid, os.setgid, lambda _: os.setgroups([0]))",
    "namespace of users": 'c("unshare", 0x10000000)',
    "namespace of mounts": 'c("unshare", 0x00020000)',
    "namespace of the network": 'c("unshare", 0x40000000)',
    "enter the namespaces of process 1": """
for kind in ("user", "mnt", "net"):
    c("setns", os.open(f"/proc/1/ns/{kind}", os.O_RDONLY), 0)""",
    "ptrace a process of the host": 'c("ptrace", 16, int(os.environ["HOST_PID"]), 0, 0)',
    "signal a process of the host": 'os.kill(int(os.environ["HOST_PID"]), 0)',
    "read a process of the host": 'open("/proc/" + os.environ["HOST_PID"] + "/environ")',
    "kernel keyring": 'system("add_key", b"user", b"x", b"y", 1, -5)',
    "keys of others": 'system("keyctl", 0, -4, 0)',
    "bpf": 'system("bpf", 0, ctypes.create_string_buffer(64), 64)',
    "perf events": 'system("perf_event_open", ctypes.create_string_buffer(128), 0, -1, -1, 0)',
    "userfaultfd": 'system("userfaultfd", 0)',
    "watch the files of the machine": 'system("fanotify_init", 0, 0)',
    "log of the kernel": 'c("klogctl", 3, ctypes.create_string_buffer(100), 100)',
    "clock of the machine": "import time; time.clock_settime(time.CLOCK_REALTIME, time.time())",
    "name of the machine": 'c("sethostname", b"x", 1)',
    "swap": 'c("swapon", b"/tmp/x", 0)',
    "accounting": 'c("acct", b"/tmp/x")',
    "quotas": 'system("quotactl", 0x80000700, b"/dev/vda", 0, None)',
    "priority over others": "os.setpriority(os.PRIO_PROCESS, 0, -20)",
    "real time": "os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(50))",
    "raise a limit": """
import resource
try:
    resource.setrlimit(resource.RLIMIT_NOFILE, (10**6, 10**6))
except ValueError as error:
    raise OSError(str(error))""",
    "raw packets": "socket.socket(socket.AF_PACKET, socket.SOCK_RAW)",
    "raw IP": "socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)",
    "write to system folders": """
any_of(lambda path: write(path, "x"), "/etc/passwd", "/usr/bin/x", "/usr/local/lib/x", "/root/x", "/var/x", "/x", "/dev/x")""",
    "hard link to a file of the system": 'os.link("/etc/shadow", "/workspace/shadow")',
    "passwords of the system": 'open("/etc/shadow")',
}


@pytest.mark.parametrize("code", ATTEMPTS.values(), ids=ATTEMPTS.keys())
async def test_the_kernel_refuses(agent: Worker, code: str, held: Callable[[str], None]) -> None:
    held(await tried(agent, code))


def test_what_is_tried_to_read_is_there() -> None:
    assert os.path.exists(__file__)
    os.kill(os.getpid(), 0)


SETUID = """
import shutil, subprocess, time
for program in ("su", "mount", "passwd", "newgrp", "chsh"):
    if path := shutil.which(program):
        with subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as started:
            status = open(f"/proc/{started.pid}/status").read()
            print(*next(line for line in status.splitlines() if line.startswith("Uid")).split()[1:])
            started.kill()
"""


async def test_setuid_programs_stay_who_they_were(agent: Worker, held: Callable[[str], None]) -> None:
    result = await shell(agent, 'python -c "$CODE"', environment={"CODE": SETUID})
    assert result.ok, result.text
    assert set(result.text.splitlines()) == {"10001 10001 10001 10001"}, result.text
    held("no_new_privs: the effective user stays 10001")


async def test_setuid_bits_of_ones_own_are_not_honoured(agent: Worker, held: Callable[[str], None]) -> None:
    mounts = (await shell(agent, "grep -E ' (/workspace|/tmp|/dev/shm) ' /proc/mounts")).text.splitlines()
    assert len(mounts) == 3
    assert all("nosuid" in line and "nodev" in line for line in mounts), mounts
    held("all writable folders are nosuid, nodev")


async def test_environment_and_processes_of_the_worker_show_no_secret(agent: Worker, held: Callable[[str], None]) -> None:
    dump = await shell(agent, "env; cat /proc/*/environ /proc/*/cmdline 2>/dev/null | tr '\\0' '\\n'")
    assert "PATH=" in dump.text
    for secret in ("sk-ant-hostile-test", "ANTHROPIC", "SLIPWAY_HOME", "PREFECT"):
        assert secret not in dump.text
    held("only PATH, certificates, and the run's own proxy token")


async def test_ending_the_workers_first_process_ends_only_this_worker(agent: Worker, held: Callable[[str], None]) -> None:
    assert "ended" not in (await shell(agent, "kill -9 1; kill -STOP 1; sleep 0.2; echo still here")).text
    assert (await shell(agent, "true")).ok
    held("the kernel shields process 1 from its own namespace")
