# shellcheck shell=bash
# From one release to the next, and back where that fails or the power goes. Sourced by setup.sh.
#
# A newer version may change the database, which an older one then refuses: so a copy is made before. While the file
# 'pending' is there, an upgrade is under way: begun and not yet known to work. A start of the machine that finds it
# puts everything back (dermkiosk-roll-back.service).

SNAPSHOT=$STATE/before-upgrade # where the database is, so that it is encrypted where that is
PENDING=$OPT/pending
UPGRADING="" # yes: the services are stopped, and whatever fails now must start them again
SETTLED=""   # yes: program, units and data stand as they are to stay

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
  if new_case; then
    settle
    start_service
    fail "$1, when the new version had already accepted photographs: it stays, and so do they."
  fi
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
      if new_case; then
        settle
        start_service || true
        fail "the new version accepted photographs and then did not go on. It stays, and so do they."
      fi
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
  if new_case; then
    say "the upgrade was cut off when it already worked: the new version stays"
    settle
    return
  fi
  say "an upgrade was cut off: the version before is put back"
  # A start is under way: nothing may wait for another unit here.
  # shellcheck disable=SC2034  # install.sh reads it
  STARTING=yes
  put_back "$previous" "$release"
}

# --- the database ---

asked_of_database() {
  python3 -c 'import sqlite3, sys; print(sqlite3.connect(f"file:{sys.argv[1]}/cases.sqlite3?mode=ro", uri=True).execute(sys.argv[2]).fetchone()[0])' \
    "$1" "$2" 2>/dev/null || echo "$3"
}

schema() { asked_of_database "$1" 'PRAGMA user_version' none; }

newest_case() { asked_of_database "$1" 'SELECT coalesce(max(number), 0) FROM cases' 0; }

# Whether the new version has accepted a photograph: the snapshot does not know it, and must not be put back.
new_case() { [[ -e $SNAPSHOT/cases.sqlite3 ]] && (($(newest_case "$STATE") > $(newest_case "$SNAPSHOT"))); }

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

# One file, all of it: what still stands in the log is brought in first.
snapshot() {
  rm -rf "$SNAPSHOT"
  [[ -e $STATE/cases.sqlite3 ]] || return 0
  python3 -c 'import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()' \
    "$STATE/cases.sqlite3"
  command install -d -m 0700 "$SNAPSHOT"
  cp -a "$STATE/cases.sqlite3" "$SNAPSHOT"
  sync -f "$SNAPSHOT"
}

# Only where the new version has changed the tables: otherwise what is there is newer than the snapshot.
restore_snapshot() {
  [[ -e $SNAPSHOT/cases.sqlite3 && $(schema "$STATE") != "$(schema "$SNAPSHOT")" ]] || return 0
  say "the database is put back as it was before"
  cp -a "$SNAPSHOT/cases.sqlite3" "$STATE/cases.sqlite3.restored"
  sync "$STATE/cases.sqlite3.restored"
  rm -f "$STATE"/cases.sqlite3-*
  mv -f "$STATE/cases.sqlite3.restored" "$STATE/cases.sqlite3"
  sync -f "$STATE"
}
