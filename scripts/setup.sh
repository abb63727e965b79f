#!/usr/bin/env bash
# Brings a bare Debian or Ubuntu to where everything here runs: the system packages that are
# missing (as root, or through sudo), then .venv with the pinned requirements. Says what it does,
# does only what is missing, and may be run as often as you like. With --apps: only the desktop
# applications that the suite of tasks works with (1.2 GB), and what tells where their buttons are.
set -euo pipefail
cd "$(dirname "$0")/.."

STAMP=.venv/requirements.sha256
PYTORCH_CPU=https://download.pytorch.org/whl/cpu

say() { echo "setup: $*"; }
die() {
    echo "setup: $*" >&2
    exit 2
}
have() { command -v "$1" >/dev/null 2>&1; }
installed() { [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

# The newest Python that is new enough; its name on stdout, nothing if there is none.
find_python() {
    local name
    for name in python3.14 python3.13 python3.12 python3.11 python3; do
        if have "$name" && "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
            echo "$name"
            return
        fi
    done
}

# System packages that are missing, one a line.
missing_packages() {
    have Xvfb || echo xvfb
    have openbox || echo openbox
    have bwrap || echo bubblewrap
    have g++ || echo g++
    # Ubuntu's "chromium" is a snap, which runs in no container: see install_browser.
    have_browser || is_ubuntu || echo chromium
    local package
    # Letters as the tasks want them; what Playwright's node and screen capture load by name; what
    # recordings need to know a password field and what a key types; what OSWorld's files run;
    # what tests put monitors side by side with, and read stored pictures with; what --view shows
    # a desktop with; what --network takes.
    for package in ca-certificates fonts-liberation fonts-dejavu-core libatomic1 \
        libxcb1 libxcb-randr0 libxcb-render0 libxcb-shm0 libxcb-xfixes0 \
        dbus at-spi2-core libxkbcommon0 python3-gi gir1.2-gtk-3.0 x11-xkb-utils \
        libseccomp2 util-linux wmctrl socat xdg-utils procps \
        x11-xserver-utils xserver-xephyr tesseract-ocr x11vnc slirp4netns iproute2; do
        installed "$package" || echo "$package"
    done
    if [ ! -x .venv/bin/python ]; then
        local python
        python=$(find_python)
        if [ -z "$python" ]; then
            printf 'python3\npython3-venv\n'
        elif ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
            echo python3-venv
        fi
    fi
}

# Applications of the desktop suite that are missing, one a line.
missing_apps() {
    local package
    # libgail and libatk: GIMP is of GTK 2 and says nothing of its buttons without. Icons, since a
    # file manager without them is not what anyone works with.
    for package in libreoffice-calc libreoffice-writer libreoffice-impress libreoffice-gtk3 \
        gimp libgail-common libatk-adaptor vlc thunderbird thunar xfconf lxterminal mousepad \
        wmctrl adwaita-icon-theme fonts-crosextra-carlito dconf-gsettings-backend unzip sysstat; do
        installed "$package" || echo "$package"
    done
}

have_browser() {
    have chromium || have chromium-browser || have google-chrome || [ -x .venv/bin/chromium ]
}
is_ubuntu() { grep -q '^ID=ubuntu$' /etc/os-release 2>/dev/null; }

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif have sudo; then
        sudo "$@"
    else
        die "root is needed for: $*"
    fi
}

install_packages() {
    local packages
    mapfile -t packages < <("$1")
    [ ${#packages[@]} -gt 0 ] || return 0
    have apt-get || die "install these first (no apt-get here): ${packages[*]}"
    say "installing system packages: ${packages[*]}"
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
}

make_venv() {
    [ ! -x .venv/bin/python ] || return 0
    local python
    python=$(find_python)
    [ -n "$python" ] || die "Python 3.11 or newer is needed; this system has none"
    say "making .venv with $($python --version)"
    "$python" -m venv .venv
}

# Where no NVIDIA GPU is seen, PyTorch's own index has a build without 3 GB of CUDA.
pip_index() {
    if [ ! -e /dev/nvidia0 ] && .venv/bin/python - "$PYTORCH_CPU/torch/" <<'PYTHON'; then
import sys, urllib.request
try:
    urllib.request.urlopen(sys.argv[1], timeout=5)
except OSError:
    sys.exit(1)
PYTHON
        echo "--extra-index-url $PYTORCH_CPU"
    fi
}

install_requirements() {
    local wanted
    wanted=$(cat requirements.txt requirements-nodeps.txt | sha256sum)
    [ "$wanted" != "$(cat "$STAMP" 2>/dev/null)" ] || return 0
    say "installing $(grep -c '==' requirements.txt) Python packages into .venv (minutes)"
    local index
    read -r -a index <<<"$(pip_index)"
    .venv/bin/python -m pip install -q --disable-pip-version-check "${index[@]}" \
        -r requirements.txt
    # MiniWoB++ ships its pages in a package that wants selenium and gymnasium; only pages are used.
    # pyautogui, which OSWorld's task files run, wants another package with python-xlib's files.
    # The picture tests want an older pytest, and work with ours.
    .venv/bin/python -m pip install -q --disable-pip-version-check --no-deps \
        -r requirements-nodeps.txt
    echo "$wanted" >"$STAMP"
}

# What multiplies with weights of 4 and 8 bits; without a compiler torch does, slowly.
build_kernels() {
    [ "$(uname -m)" = x86_64 ] || return 0
    .venv/bin/python -m model.kernels.build >/dev/null || say "continuing without"
}

install_browser() {
    ! have_browser || return 0
    say "installing Chromium by Playwright"
    as_root .venv/bin/playwright install-deps chromium >/dev/null
    .venv/bin/playwright install chromium >/dev/null
    ln -sf "$(.venv/bin/python - <<'PYTHON'
from playwright.sync_api import sync_playwright
with sync_playwright() as playwright:
    print(playwright.chromium.executable_path)
PYTHON
)" .venv/bin/chromium
}

if [ "${1:-}" = --apps ]; then
    install_packages missing_apps
    say "applications are ready"
    exit
fi
install_packages missing_packages
make_venv
install_requirements
install_browser
build_kernels
say "ready"
