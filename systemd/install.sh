# shellcheck shell=bash
# dermkiosk's installation on a system: install and uninstall. Sourced by setup.sh.
#
# Every step looks first and changes only what is not yet as it should be: with --check it says what it would change.
# DESTDIR puts everything under another root folder, for tests. (A virtual environment cannot be
# moved: to make an image, run it inside.)

ROOT=${DESTDIR:-}
OPT=$ROOT/opt/dermkiosk
STATE=$ROOT/var/lib/dermkiosk
CONFIG=$ROOT/etc/dermkiosk
UNITS=$ROOT/etc/systemd/system
COMMAND=$ROOT/usr/local/bin/dermkiosk
CHECK="" OFFLINE="" CHANGED="" SYSTEM_PACKAGES="" SOURCE=$PWD STARTING=""

# change SENTENCE COMMAND...: with --check says the sentence, else says it and does it.
change() {
  CHANGED=yes
  if [[ $CHECK ]]; then
    say "would $1"
  else
    say "$1"
    "${@:2}"
  fi
}

# put MODE FILE DESTINATION: a file of ours in the system. Whole or not there, also after a power cut.
put() {
  local mode=$1 file=$2 to=$3
  cmp -s "$file" "$to" && [[ $(stat -c %a "$to") == "${mode#0}" ]] && return
  change "write $to" put_now "$mode" "$file" "$to"
}

put_now() {
  command install -D -m "$1" "$2" "$3.new"
  sync "$3.new"
  mv -f "$3.new" "$3"
}

# gone PATH...: files or folders of ours that must not be there.
gone() {
  local path
  for path in "$@"; do
    [[ ! -e $path && ! -L $path ]] || change "remove $path" rm -rf "$path"
  done
}

# The installed units, of every kind that systemd/units has, this version's or another's: one a line.
our_units() { printf '%s\n' "$UNITS"/dermkiosk*.{service,socket,timer,path}; }

# Whether systemd runs here; in a chroot where an image is made it does not.
booted() { [[ -d $ROOT/run/systemd/system ]]; }

live() { [[ ! $ROOT ]] || booted; }

need_root() {
  [[ $CHECK || $ROOT || $EUID -eq 0 ]] || fail "this changes the system, so it needs root: sudo ./setup.sh $1"
}

has_desktop() { [[ -e $UNITS/display-manager.service || -L $UNITS/display-manager.service ]]; }

# --- services ---

stop_services() {
  booted || return 0
  # The standby page first: when it ends it starts the kiosk.
  systemctl stop dermkiosk-standby.service 2>/dev/null || true
  systemctl stop dermkiosk.service 2>/dev/null || true
}

# Returns when the kiosk has said that it is ready, or that it failed.
start_service() {
  booted || return 0
  systemctl daemon-reload
  systemctl reset-failed dermkiosk.service 2>/dev/null || true
  systemctl start dermkiosk.service
}

install_system_files() {
  local here=$SOURCE/systemd unit changed_before=$CHANGED
  CHANGED=''
  put 0644 "$here/conf/sysusers.conf" "$ROOT/usr/lib/sysusers.d/dermkiosk.conf"
  put 0644 "$here/conf/tmpfiles.conf" "$ROOT/usr/lib/tmpfiles.d/dermkiosk.conf"
  put 0644 "$here/conf/udev.rules" "$ROOT/etc/udev/rules.d/61-dermkiosk.rules"
  put 0644 "$here/conf/journald.conf" "$ROOT/etc/systemd/journald.conf.d/dermkiosk.conf"
  put 0644 "$here/conf/watchdog.conf" "$ROOT/etc/systemd/system.conf.d/dermkiosk.conf"
  for unit in "$here"/units/*; do # the screen's is install_screen's
    [[ $unit == */dermkiosk-kiosk.service ]] || put 0644 "$unit" "$UNITS/$(basename "$unit")"
  done
  for unit in "$here"/*; do # the programs that units start; what this script sources is not executable
    [[ ! -f $unit || ! -x $unit ]] || put 0755 "$unit" "$OPT/$(basename "$unit")"
  done
  # A roll-back runs in the unit of the version before, which may not write there; the next installation makes it.
  [[ $STARTING || $(readlink "$COMMAND") == /opt/dermkiosk/dermkiosk ]] || change "write $COMMAND" link_command
  install_screen "$here"
  # The user may be missing where an earlier attempt was cut off in between.
  if [[ ! $CHECK ]] && live && { [[ $CHANGED ]] || ! id dermkiosk >/dev/null 2>&1; }; then apply_system_files; fi
  CHANGED=$changed_before$CHANGED
}

link_command() {
  mkdir -p "$(dirname "$COMMAND")"
  ln -sfn /opt/dermkiosk/dermkiosk "$COMMAND"
}

# A desktop starts the browser itself; without one the box has a compositor of its own.
install_screen() {
  local autostart=$ROOT/etc/xdg/autostart/dermkiosk-screen.desktop
  if has_desktop; then
    put 0644 "$1/conf/dermkiosk-screen.desktop" "$autostart"
    gone "$UNITS/dermkiosk-kiosk.service" "$UNITS/multi-user.target.wants/dermkiosk-kiosk.service"
  else
    put 0644 "$1/units/dermkiosk-kiosk.service" "$UNITS/dermkiosk-kiosk.service"
    gone "$autostart"
  fi
}

apply_system_files() {
  systemd-sysusers dermkiosk.conf
  systemd-tmpfiles --create dermkiosk.conf
  booted || return 0
  systemctl daemon-reload
  [[ ! $STARTING ]] || return 0
  # In a container the devices are the host's, and no udev runs.
  if udevadm control --reload 2>/dev/null; then
    udevadm trigger --subsystem-match=video4linux --subsystem-match=media --subsystem-match=dma_heap \
      --subsystem-match=gpio || true
  fi
  systemctl try-restart systemd-journald.service || true
}

# By each unit's own WantedBy=.
enable_units() {
  local file unit wanted link
  for file in "$SOURCE"/systemd/units/*; do
    unit=$(basename "$file")
    wanted=$(sed -n 's/^WantedBy=//p' "$file")
    link=$UNITS/$wanted.wants/$unit
    [[ ! $wanted || -L $link ]] && continue
    [[ $unit == dermkiosk-kiosk.service ]] && has_desktop && continue
    change "start $unit with the system" enable_unit "$unit" "$link"
  done
}

enable_unit() {
  mkdir -p "$(dirname "$2")"
  ln -sfn "/etc/systemd/system/$1" "$2"
}

# --- the commands ---

read_install_options() {
  while (($#)); do
    case $1 in
      --check) CHECK=yes ;;
      --offline)
        [[ -d ${2:-} ]] || fail "--offline needs the folder that './setup.sh bundle FOLDER' made"
        OFFLINE=$(readlink -f "$2")
        shift
        ;;
      *) fail "install knows no option '$1'. See ./setup.sh --help" ;;
    esac
    shift
  done
}

command_install() {
  read_install_options "$@"
  # The camera stack is the system's; make_venv reads this.
  # shellcheck disable=SC2034
  SYSTEM_PACKAGES=yes
  need_root install
  refuse_unfinished
  if [[ $OFFLINE ]]; then
    verify_bundle "$OFFLINE"
    SOURCE=$OFFLINE/source
  fi
  install_packages
  prepare_release
  begin_upgrade
  install_system_files
  enable_units
  finish_upgrade
  if [[ ! $CHANGED ]]; then
    say "everything is installed already; nothing was changed"
  elif [[ $CHECK ]]; then
    say "nothing was changed (--check)"
  fi
  [[ ! $CHECK ]] || return 0
  if booted; then
    finish_install
  else
    say "systemd does not run here: the kiosk starts when this system does"
  fi
}

finish_install() {
  systemctl start dermkiosk-first-boot.service || true
  systemctl is-active --quiet dermkiosk.service || start_service || true
  start_enabled
  if systemctl is-active --quiet dermkiosk.service; then
    python3 "$OPT/standby.py" ask || fail "the box is installed and runs, but something is not well (above)"
  else
    doctor
  fi
}

# Sockets, timers and the screen, as a start of the machine would.
start_enabled() {
  local link
  for link in "$UNITS"/*.wants/dermkiosk-*; do
    systemctl start --no-block "$(basename "$link")" || true
  done
}

# The running kiosk has the camera; doctor looks for itself only while it does not run.
doctor() {
  stop_services
  "$OPT/dermkiosk" doctor && return
  systemctl start --no-block dermkiosk.service
  fail "the box is installed, but does not work yet. Do what stands above, then: sudo systemctl restart dermkiosk"
}

command_uninstall() {
  local with_data=''
  case ${1:-} in
    '') ;;
    --with-data) with_data=yes ;;
    *) fail "uninstall knows no option '$1'. See ./setup.sh --help" ;;
  esac
  need_root uninstall
  stop_services
  ! booted || systemctl stop 'dermkiosk*' 2>/dev/null || true
  local units
  mapfile -t units < <(our_units)
  gone "$UNITS"/*.wants/dermkiosk* "${units[@]}"
  gone "$ROOT/usr/lib/sysusers.d/dermkiosk.conf" "$ROOT/usr/lib/tmpfiles.d/dermkiosk.conf" \
    "$ROOT/etc/udev/rules.d/61-dermkiosk.rules" "$ROOT/etc/systemd/journald.conf.d/dermkiosk.conf" \
    "$ROOT/etc/systemd/system.conf.d/dermkiosk.conf" "$ROOT/etc/xdg/autostart/dermkiosk-screen.desktop"
  gone "$COMMAND" "$OPT" "$SNAPSHOT"
  ! booted || systemctl daemon-reload
  if [[ $with_data ]]; then
    remove_data
  elif [[ -e $STATE || -e $CONFIG ]]; then
    say "kept: $STATE (photographs and results) and $CONFIG. With --with-data they are removed too."
  fi
}

remove_data() {
  if mountpoint -q "$STATE"; then # docs/security.md: an encrypted card
    [[ ! $(ls -A "$STATE") ]] || change "empty $STATE" find "$STATE" -mindepth 1 -delete
  else
    gone "$STATE"
  fi
  gone "$CONFIG"
  live || return 0
  local user
  for user in dermkiosk dermkiosk-screen dermkiosk-clock; do
    id "$user" >/dev/null 2>&1 && change "remove the user $user" userdel "$user"
  done
  return 0
}
