# shellcheck shell=bash
# From one release to the next, and back where that fails or the power goes. Sourced by setup.sh.
#
# A newer version may change the database, which an older one then refuses: so a copy is made before. While the file
# 'pending' is there, an upgrade is under way: begun and not yet known to work. A start of the machine that finds it
# puts everything back (dermkiosk-roll-back.service).

SNAPSHOT=$STATE/before-upgrade # where the database is, so that it is encrypted where that is
RESTORED=$STATE/cases.sqlite3.restored # whole: from then on the snapshot is being put back, and that is not asked again
PENDING=$OPT/pending
UPGRADING="" # yes: the services are stopped, and whatever fails now must start them again
SETTLED=""   # yes: program, units and data stand as they are to stay

# The copy of an upgrade that is not over may be all there is of the database: no other takes its place.
refuse_unfinished() {
  [[ ! -s $PENDING ]] ||
    fail "an update is not over yet. Start the machine anew: that ends it, or 'journalctl -u dermkiosk-roll-back' says why not."
}

begin_upgrade() {
  [[ $RELEASE && $PREVIOUS ]] || return 0
  refuse_little_room
  UPGRADING=yes
  stop_services
  snapshot
  printf '%s\n%s\n' "$PREVIOUS" "$RELEASE" >"$PENDING.new"
  sync "$PENDING.new"
  mv -f "$PENDING.new" "$PENDING"
  sync -f "$OPT"
}

# leave_upgrade WHY: where it ends while the kiosk stands still, the kiosk runs again as it was; ends the program.
leave_upgrade() {
  [[ $UPGRADING ]] || return 0
  set +e # 'if put_back' would go on after a step that failed, and put half a database in the whole one's place
  if [[ $SETTLED && ! -s $PENDING ]]; then
    start_service
    fail "$1, after the version before was installed again. The data are as they were."
  fi
  if [[ ! -s $PENDING ]]; then
    forget_release
    start_service
    fail "$1, before there was a copy of the database. Nothing was changed: the version before is started again."
  fi
  stop_services
  case $(new_cases) in
    unknown)
      start_service
      fail "$1. $UNKNOWN"
      ;;
    some)
      settle
      start_service
      fail "$1, when the new version had already accepted photographs: it stays, and so do they."
      ;;
  esac
  (
    set -e
    put_back "$PREVIOUS" "$RELEASE"
  )
  local status=$?
  start_service
  ((status)) || fail "$1. The version before is installed again, and the data are as they were."
  fail "$1, and the version before could not be put back whole. Start the machine anew: it tries again."
}

# Of an upgrade that has changed nothing yet.
forget_release() {
  rm -rf "$SNAPSHOT" "$PENDING" "$PENDING.new" "${OPT:?}/${RELEASE:?}"
}

finish_upgrade() {
  [[ $RELEASE ]] || return 0
  switch_to "$RELEASE"
  if ! start_service; then
    if [[ $PREVIOUS ]]; then
      hold_signals # the version before comes back now, whatever else is asked
      stop_services
      case $(new_cases) in
        unknown)
          UPGRADING="" # left as it is, for the next start of the machine
          start_service || true
          fail "the new version did not start. $UNKNOWN"
          ;;
        some)
          settle
          start_service || true
          fail "the new version accepted photographs and then did not go on. It stays, and so do they."
          ;;
      esac
      put_back "$PREVIOUS" "$RELEASE"
      start_service || true
      fail "the new version did not start. The one before is installed again, and the data are as they were."
    fi
    say "the kiosk does not start yet; what is wrong stands below and on its screen" >&2
  fi
  hold_signals # it works: too late to put it back
  UPGRADING=""
  settle
  keep_two "$(basename "$RELEASE")" "$(basename "${PREVIOUS:-$RELEASE}")"
  catch_signals
}

# The upgrade is over, one way or the other. The marker goes first: without it the snapshot means nothing.
settle() {
  SETTLED=yes
  rm -f "$PENDING"
  [[ ! -d $OPT ]] || sync -f "$OPT"
  rm -rf "$SNAPSHOT"
}

# put_back PREVIOUS RELEASE: program, units and database as they were. Cut off in the middle, it is simply begun again.
put_back() {
  restore_snapshot
  switch_to "$1"
  SOURCE=$OPT/$1 # its units, too
  remove_other_units
  install_system_files
  settle
  rm -rf "${OPT:?}/$2"
}

remove_other_units() {
  local unit
  while read -r unit; do
    [[ -e $SOURCE/systemd/units/$(basename "$unit") ]] ||
      gone "$unit" "$UNITS"/*.wants/"$(basename "$unit")"
  done < <(our_units)
}

# What dermkiosk-roll-back.service does at a start after the power went during an upgrade. The services do not run yet.
command_roll_back() {
  local previous release
  [[ -s $PENDING ]] || return 0
  { read -r previous && read -r release; } <"$PENDING"
  case $(new_cases) in
    unknown) fail "$UNKNOWN" ;;
    some)
      say "the upgrade was cut off when it already worked: the new version stays"
      settle
      return
      ;;
  esac
  say "an upgrade was cut off: the version before is put back"
  # A start is under way: nothing may wait for another unit here.
  # shellcheck disable=SC2034  # install.sh reads it
  STARTING=yes
  put_back "$previous" "$release"
}

# --- the database ---

UNKNOWN="The database cannot be read (above), so nobody can tell whether the new version accepted photographs, and \
nothing is put back. A start of the machine tries again. The database as it was before is in $SNAPSHOT."

# asked_of_database FOLDER QUESTION: the number that it answers. Fails where the database cannot be read, and says why.
asked_of_database() {
  python3 - "$1/cases.sqlite3" "$2" <<'PYTHON'
import sqlite3
import sys
try:
    print(sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True).execute(sys.argv[2]).fetchone()[0])
except sqlite3.Error as error:
    sys.exit(f"{sys.argv[1]}: {error}")
PYTHON
}

schema() { asked_of_database "$1" 'PRAGMA user_version'; }

# Also of a database that has no tables yet. (A bare 'return' gives the status from before the signal, where one is handled.)
newest_case() {
  local tables
  tables=$(asked_of_database "$1" "SELECT count(*) FROM sqlite_master WHERE name = 'cases'") || return 1
  if ((tables)); then asked_of_database "$1" 'SELECT coalesce(max(number), 0) FROM cases'; else echo 0; fi
}

# Whether the new version has accepted photographs: some, none, or unknown. The snapshot does not know them, so it may be
# put back only after "none".
new_cases() {
  local now before
  if [[ ! -e $SNAPSHOT/cases.sqlite3 || -e $RESTORED ]]; then
    echo none
  elif ! now=$(newest_case "$STATE") || ! before=$(newest_case "$SNAPSHOT"); then
    echo unknown
  elif ((now > before)); then
    echo some
  else
    echo none
  fi
}

# Twice the database and its log: the copy, and what it takes to put that back.
refuse_little_room() {
  [[ -e $STATE/cases.sqlite3 ]] || return 0
  local file needed=0 free
  for file in "$STATE"/cases.sqlite3{,-wal}; do
    [[ ! -e $file ]] || needed=$((needed + 2 * $(stat -c %s "$file")))
  done
  free=$(df --output=avail -B1 "$STATE" | tail -n 1)
  ((free < needed)) || return 0
  forget_release
  fail "a copy of the database needs $((needed / 1000000 + 1)) MB, and $((free / 1000000)) MB are free. Nothing was changed."
}

# One file, all of it: what still stands in the log is brought in first. Of damaged tables that makes a copy, too, and
# nobody could ever tell from it whether there are new photographs: such an upgrade is not begun.
snapshot() {
  rm -rf "$SNAPSHOT"
  [[ -e $STATE/cases.sqlite3 ]] || return 0
  python3 -c 'import sqlite3, sys
busy = sqlite3.connect(sys.argv[1]).execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
sys.exit("another program uses the database" if busy else 0)' "$STATE/cases.sqlite3"
  command install -d -m 0700 "$SNAPSHOT"
  cp -a "$STATE/cases.sqlite3" "$SNAPSHOT"
  newest_case "$SNAPSHOT" >/dev/null
  sync -f "$SNAPSHOT"
}

# Only where the new version has changed the tables: otherwise what is there is newer than the snapshot.
restore_snapshot() {
  local now before
  if [[ ! -e $RESTORED ]]; then
    [[ -e $SNAPSHOT/cases.sqlite3 ]] || return 0
    now=$(schema "$STATE") && before=$(schema "$SNAPSHOT") || return 1
    [[ $now != "$before" ]] || return 0
    cp -a "$SNAPSHOT/cases.sqlite3" "$RESTORED.new"
    sync "$RESTORED.new"
    mv -f "$RESTORED.new" "$RESTORED"
    sync -f "$STATE"
  fi
  say "the database is put back as it was before"
  rm -f "$STATE"/cases.sqlite3-*
  mv -f "$RESTORED" "$STATE/cases.sqlite3"
  sync -f "$STATE"
}
