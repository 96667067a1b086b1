#!/usr/bin/env bash
# dermkiosk's one entry: makes the environment, starts the kiosk, runs the tests. See ./setup.sh --help
set -Eeuo pipefail

cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")"
readonly VENV=.venv

usage() {
  cat <<'TEXT'
Usage: ./setup.sh COMMAND [OPTIONS]

  env      make the Python environment (.venv) and install what the kiosk needs
  run      start the kiosk; on a machine that is not a Raspberry Pi with simulated hardware, and Enter in the
           terminal is the box's button
           --camera folder:PATH  shows the photographs of a folder instead of a drawn one
           all options of 'dermkiosk serve' are taken: .venv/bin/dermkiosk serve --help
  test     install what the tests need (Debian packages too) and run all of them
           further options go to pytest, for example: ./setup.sh test -k decode
  test-appliance  install on a whole Debian, try every promise of docs/installing.md, boot it in qemu, and pull its plug
           as root, an hour and 15 GB in /var/tmp; --debian 13, --cuts 30, --resume, --container: tests/system/qemu/run --help
  test-arm64  install in an arm64 Debian with a Raspberry Pi 4's processor, emulated, and compare its answers with this
           machine's; as root, half an hour and 3 GB in /var/tmp; --debian 13: tests/system/arm64/run --help
  audit    ask for known holes in all that is locked; needs a network
  bench    measure speed against named peers and print tables

On the box itself (docs/installing.md):

  install    make this machine the appliance, or bring it to this version; twice changes nothing
             --check           says what it would change, and changes nothing
             --offline FOLDER  takes everything from a folder that 'bundle' made
  uninstall  remove it; photographs, results and settings stay
             --with-data       removes them too
  bundle FOLDER  put into FOLDER all that an installation without a network needs
             --machine aarch64 --python 3.11  for another machine than this one
             --debs  the Debian packages too; this machine must have the box's operating system

Examples: ./setup.sh run
          sudo ./setup.sh install
TEXT
}

# Where the terminal is gone, it is said to the log.
say() { printf '%s\n' "$*" 2>/dev/null || logger --tag dermkiosk-setup -- "$*"; }

fail() {
  printf 'setup.sh: %s\n' "$*" >&2 || say "$*"
  exit 1
}

# shellcheck source=systemd/install.sh
source systemd/install.sh
# shellcheck source=systemd/packages.sh
source systemd/packages.sh
# shellcheck source=systemd/release.sh
source systemd/release.sh
# shellcheck source=systemd/upgrade.sh
source systemd/upgrade.sh
# shellcheck source=systemd/bundle.sh
source systemd/bundle.sh

trap 'give_up "stopped in line $LINENO ($BASH_COMMAND)"' ERR

LEAVING=""

# give_up WHY: what stops without a sentence of its own. A subshell leaves it to the shell around it.
give_up() {
  trap - ERR
  if ((BASH_SUBSHELL == 0)); then
    [[ ! $LEAVING ]] || return 0 # a second signal changes nothing: the first one's work is under way
    LEAVING=yes
    hold_signals
    leave_upgrade "$1"
  fi
  fail "$1. The same command goes on from there."
}

# Ctrl-C, a shutdown, an SSH connection that is lost: an upgrade is then put back, as where a step fails.
catch_signals() { trap 'give_up interrupted' INT TERM HUP; }

# Of the programs that are started from here on, too.
hold_signals() { trap '' INT TERM HUP; }

# Where nobody reads any more, a line that cannot be written fails, and 'say' sends it to the log. Programs that are
# started from here are still ended by it.
trap : PIPE
catch_signals

is_pi() { grep -aq 'Raspberry Pi' /proc/device-tree/model 2>/dev/null; }

# The system's own python3 first: on a Raspberry Pi only that one finds picamera2.
find_python() {
  local candidate
  for candidate in python3 python3.13 python3.12 python3.11; do
    if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
      command -v "$candidate"
      return
    fi
  done
  fail "found no Python 3.11, 3.12 or 3.13 with venv. On Debian: sudo apt-get install python3 python3-venv"
}

make_venv() {
  local venv=$1 python options=()
  "$venv/bin/python" -m pip --version >/dev/null 2>&1 && return
  python=$(find_python) || exit 1
  rm -rf "$venv" # what an interrupted start left behind
  say "Making $venv with $("$python" --version)"
  if is_pi || [[ $SYSTEM_PACKAGES ]]; then options=(--system-site-packages); fi
  "$python" -m venv "${options[@]}" "$venv"
}

# install USE [VENV]: the locked requirements of one use, once per version of the lock file.
install() {
  local lock=requirements/$1.txt venv=${2:-$VENV} stamp
  stamp=$venv/installed-$1
  make_venv "$venv"
  if ! cmp -s "$lock" "$stamp"; then
    say "Installing $lock into $venv (a few minutes the first time)"
    "$venv/bin/python" -m pip install --disable-pip-version-check --progress-bar off --require-hashes -r "$lock" |
      sed -un 's/^Collecting \([^ ;]*\).*/  \1/p; s/^Installing collected packages.*/  unpacking/p'
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --editable .
    cp "$lock" "$stamp"
  fi
}

# debian_packages PACKAGE...: installs those that are missing.
debian_packages() {
  local package missing=()
  for package in "$@"; do
    dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
  done
  ((${#missing[@]})) || return 0
  command -v apt-get >/dev/null || fail "needs these programs, and finds no apt-get to install them: ${missing[*]}"
  say "Installing Debian packages: ${missing[*]}"
  local as_root=()
  [[ $EUID -eq 0 ]] || as_root=(sudo)
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${missing[@]}" >/dev/null
}

# On a Raspberry Pi Debian 12's camera stack needs the system's numpy 1.24: another lock. By processor and Python, as
# 'bundle' chooses, which does not see the machine.
install_box() {
  if [[ $(uname -m) == aarch64 ]] && python3 -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))'; then
    install bookworm
  else
    install box
  fi
}

command_env() {
  install_box
  is_installed libpango-1.0-0 || say "For PDFs install these Debian packages, too: ${PAPER_PACKAGES[*]}"
  say "Ready. Start the kiosk with: ./setup.sh run"
}

command_run() {
  install_box
  local hardware=()
  if ! is_pi; then
    say "This machine is not a Raspberry Pi. Camera, light, button and indicator are SIMULATED; every page says so."
    hardware=(--camera synthetic --light simulated --button terminal --indicator simulated)
  fi
  exec "$VENV/bin/dermkiosk" serve --state var "${hardware[@]}" "$@"
}

command_test() {
  debian_packages chromium dnsmasq-base haproxy "${PAPER_PACKAGES[@]}" shellcheck strace systemd
  install dev
  say "shellcheck"
  shellcheck setup.sh .ci/run systemd/*.sh systemd/announce systemd/dermkiosk systemd/first-boot systemd/kiosk-browser \
    systemd/roll-back tests/system/qemu/make-image
  say "ruff"
  "$VENV/bin/ruff" check --quiet .
  "$VENV/bin/ruff" format --check --quiet .
  say "mypy"
  "$VENV/bin/mypy" --no-error-summary
  say "import contracts"
  "$VENV/bin/lint-imports" --no-cache >/dev/null || "$VENV/bin/lint-imports" --no-cache
  test_with_old_numpy
  "$VENV/bin/python" -m pytest --numprocesses 3 --dist loadfile "$@" # most tests wait more than they compute
}

# Debian 12's camera stack needs numpy 1.24, which exists for Python 3.11 alone.
test_with_old_numpy() {
  if ! "$VENV/bin/python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))'; then
    say "numpy 1.24: skipped, it needs Python 3.11"
    return
  fi
  install bookworm "$VENV-bookworm"
  say "numpy 1.24"
  "$VENV-bookworm/bin/python" -m pytest --quiet tests/firmware tests/vision tests/cases tests/health
}

command_test-appliance() {
  [[ $EUID -eq 0 ]] || fail "this makes and mounts disks, so it needs root: sudo ./setup.sh test-appliance"
  debian_packages dosfstools e2fsprogs mmdebstrap openssh-client qemu-system-x86 qemu-utils systemd-container
  install dev
  "$VENV/bin/python" tests/system/qemu/run --promises "$@"
}

command_test-arm64() {
  [[ $EUID -eq 0 ]] || fail "this makes and enters another system, so it needs root: sudo ./setup.sh test-arm64"
  debian_packages arch-test binfmt-support mmdebstrap qemu-user-static
  run_arm64_programs
  install dev
  "$VENV/bin/python" tests/system/arm64/run "$@"
}

# Where no systemd runs, nobody has done what the packages ask for.
run_arm64_programs() {
  local formats=/proc/sys/fs/binfmt_misc
  [[ -e $formats/register ]] || mount -t binfmt_misc binfmt_misc "$formats"
  [[ -e $formats/qemu-aarch64 ]] || update-binfmts --enable qemu-aarch64
}

# --strict: a package that nobody could be asked about is a fault, not a package without holes.
command_audit() {
  install dev
  local lock status=0
  for lock in requirements/*.txt; do
    say "$lock"
    "$VENV/bin/pip-audit" --strict --disable-pip --require-hashes --progress-spinner off -r "$lock" || status=1
  done
  ((status == 0)) || fail "there are known holes, or nobody could be asked about a package (above)"
}

command_bench() {
  install dev
  local script
  for script in benchmarks/bench_*.py; do
    "$VENV/bin/python" "$script"
  done
}

main() {
  local name=${1:---help}
  shift || true
  case $name in
    env | run | test | test-appliance | test-arm64 | audit | bench | install | uninstall | bundle) "command_$name" "$@" ;;
    roll-back) command_roll_back ;; # dermkiosk-roll-back.service's alone
    --help | -h | help) usage ;;
    *)
      say "There is no command '$name'." >&2
      usage >&2
      exit 2
      ;;
  esac
}

main "$@"
