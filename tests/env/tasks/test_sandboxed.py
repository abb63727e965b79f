import time
from pathlib import Path

import pytest

from env.errors import DesktopUnavailable
from env.tasks import browser
from env.tasks.getters.chrome_pages import (
    active_url_from_accessTree,
    chrome_appearance_mode_ui,
    open_tabs_info,
)
from env.tasks.getters.general import vm_window_size
from env.tasks.machine import Bench
from env.tasks.sandboxed import SandboxedMachine
from env.virtual import VirtualDesktop


def said(machine: SandboxedMachine, script: str) -> str:
    return machine.run(("sh", "-c", script)).output.strip()


def test_the_user_and_the_home_are_those_of_osworlds_files(machine: SandboxedMachine) -> None:
    assert said(machine, "id -un; pwd; echo ~") == "user\n/home/user\n/home/user"


def test_files_go_there_and_back_whatever_their_size(machine: SandboxedMachine) -> None:
    content = bytes(range(256)) * 80_000
    machine.put_file("/home/user/deep/er/file", content)
    assert machine.get_file("/home/user/deep/er/file") == content


def test_no_link_leads_out_of_the_machine(machine: SandboxedMachine, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    machine.run(("ln", "-s", str(tmp_path / "secret"), "/home/user/link"))
    with pytest.raises(FileNotFoundError):
        machine.get_file("/home/user/link")
    with pytest.raises(FileNotFoundError):
        machine.get_file("/home/user")


def test_a_command_that_takes_too_long_is_ended(machine: SandboxedMachine) -> None:
    assert machine.run(("sleep", "30"), timeout=0.3).returncode is None


def test_what_a_command_leaves_running_does_not_keep_us_waiting(machine: SandboxedMachine) -> None:
    started = time.monotonic()
    assert said(machine, "sleep 30 & echo left") == "left"
    assert time.monotonic() - started < 10


def test_a_program_that_is_not_there_is_an_error_of_files(machine: SandboxedMachine) -> None:
    with pytest.raises(FileNotFoundError):
        machine.run(("no-such-program",))
    with pytest.raises(FileNotFoundError):
        machine.launch(("no-such-program",))


def test_sudo_takes_a_password_and_does_as_it_is_told(machine: SandboxedMachine) -> None:
    assert said(machine, "echo password | sudo -S mkdir -p /home/user/made && ls -d made") == "made"


def test_python_moves_the_mouse(machine: SandboxedMachine) -> None:
    ran = machine.run(
        ("python", "-c", "import pyautogui; pyautogui.moveTo(77, 88); print(*pyautogui.position())")
    )
    assert (ran.error, ran.output.strip()) == ("", "77 88")


def test_a_desktop_without_what_tasks_need_is_refused() -> None:
    with (
        VirtualDesktop(accessible=True) as desktop,
        pytest.raises(DesktopUnavailable, match="task_desktop"),
    ):
        SandboxedMachine(desktop)


def test_the_browser_is_the_one_that_task_files_start_and_end(bench: Bench) -> None:
    machine = bench.machine
    machine.launch(("google-chrome", "--remote-debugging-port=1337"))
    machine.launch(("socat", "tcp-listen:9222,fork", "tcp:localhost:1337"))
    browser.open_tabs(bench, ["chrome://version/", "chrome://settings/appearance"])
    assert {tab["url"] for tab in open_tabs_info(bench, {})} == {
        "chrome://version/",
        "chrome://settings/appearance",
    }
    assert chrome_appearance_mode_ui(bench, {}) == "system"
    assert active_url_from_accessTree(bench, {"goto_prefix": ""}) == "chrome://settings/appearance"
    assert vm_window_size(bench, {"app_class_name": "chromium"}) is not None
    browser.close_tabs(bench, ["chrome://settings/appearance"])
    assert [tab["url"] for tab in open_tabs_info(bench, {})] == ["chrome://version/"]
    machine.run(("pkill", "chrome"))
    until = time.monotonic() + 10
    while machine.run(("pgrep", "-x", "chrome")).returncode == 0 and time.monotonic() < until:
        time.sleep(0.1)
    assert open_tabs_info(bench, {}) == []
