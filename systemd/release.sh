# shellcheck shell=bash
# The program: one folder per release, and the link 'current'. Sourced by setup.sh.

RELEASE="" PREVIOUS="" # folders below $OPT: the one that is being installed, and the one that is

source_files() {
  # Under sudo the checkout belongs to somebody else, which git would refuse.
  local git=(git -c safe.directory="$SOURCE" -C "$SOURCE")
  if [[ $("${git[@]}" rev-parse --show-toplevel 2>/dev/null) == "$SOURCE" ]]; then
    "${git[@]}" ls-files -z
  else
    (cd "$SOURCE" && find . \( -name '.venv*' -o -name .git -o -name __pycache__ -o -name '*.egg-info' -o -path ./var -o -path ./runs \) \
      -prune -o -type f -printf '%P\0')
  fi | LC_ALL=C sort -z
}

source_version() { (cd "$SOURCE" && source_files | xargs -0 sha256sum | sha256sum | cut -c1-64); }

current_release() { readlink "$OPT/current" 2>/dev/null || true; }

# Sets RELEASE where this version is not the installed one: made and tested, and not yet in use.
prepare_release() {
  local version
  RELEASE=''
  version=$(source_version)
  PREVIOUS=$(current_release)
  [[ $PREVIOUS && $(cat "$OPT/$PREVIOUS/complete" 2>/dev/null) == "$version" ]] && return
  change "install this version in $OPT/releases" make_and_test "$version"
}

make_and_test() {
  remove_unfinished
  RELEASE=releases/$(($(newest_release) + 1))
  make_release "$OPT/$RELEASE"
  if ! self_test "$OPT/$RELEASE"; then
    rm -rf "${OPT:?}/$RELEASE"
    fail "the new version failed its self-test and was removed. Nothing was changed: ${PREVIOUS:-no version} is installed."
  fi
  printf '%s\n' "$1" >"$OPT/$RELEASE/complete"
  sync -f "$OPT/$RELEASE"
}

newest_release() {
  local folder newest=0
  for folder in "$OPT"/releases/*/; do
    folder=$(basename "$folder")
    [[ $folder =~ ^[0-9]+$ ]] && ((folder > newest)) && newest=$folder
  done
  echo "$newest"
}

# What a power cut left of an earlier attempt.
remove_unfinished() {
  local folder
  for folder in "$OPT"/releases/*/; do
    [[ ! -d $folder || -e $folder/complete ]] || rm -rf "$folder"
  done
}

make_release() {
  mkdir -p "$1"
  (cd "$SOURCE" && source_files | xargs -0 cp --parents -t "$1")
  chmod -R u=rwX,go=rX "$1"
  (
    umask 022
    cd "$1" || exit
    export PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
    [[ ! $OFFLINE ]] || export PIP_NO_INDEX=1 PIP_FIND_LINKS="$OFFLINE/wheels"
    install_box
    .venv/bin/python -m compileall -q appliance firmware
  )
}

# The model answers its test picture, in a process of its own: an illegal instruction is then a sentence.
self_test() {
  local status=0 release=$1
  say "self-test: the model and its test picture"
  "$release/.venv/bin/python" - "$release/models/skin8-inceptionv3" <<'PYTHON' || status=$?
import sys
from pathlib import Path
from appliance.messages import remedy, sentence
from appliance.vision.assessor import Assessor
from firmware.errors import DermkioskError
try:
    Assessor.open(Path(sys.argv[1]), threads=2)
except DermkioskError as error:
    sys.exit(f"{sentence('en', error)} {remedy('en', error)}")
PYTHON
  case $status in
    0) return 0 ;;
    132) say "The processor lacks an instruction that the model's runtime uses. A Raspberry Pi 4 or later has it." >&2 ;;
    1) ;;
    *) say "The self-test ended with status $status." >&2 ;;
  esac
  return 1
}

switch_to() {
  ln -sfn "$1" "$OPT/current.new"
  mv -fT "$OPT/current.new" "$OPT/current"
  sync -f "$OPT"
}

# keep_two NUMBER NUMBER: this version and the one before.
keep_two() {
  local folder
  for folder in "$OPT"/releases/*; do
    [[ $(basename "$folder") == "$1" || $(basename "$folder") == "${2:-$1}" ]] || rm -rf "$folder"
  done
}
