# shellcheck shell=bash
# The folder from which a box without a network is installed: made here, and checked there. Sourced by setup.sh.

verify_bundle() {
  local folder=$1 extra
  [[ -f $folder/MANIFEST.sha256 ]] || fail "$folder has no MANIFEST.sha256: it is not what './setup.sh bundle' made"
  (cd "$folder" && sha256sum --check --quiet --strict MANIFEST.sha256 >&2) ||
    fail "$folder is damaged (above). Copy it again, or make it again with './setup.sh bundle'. Nothing was changed."
  extra=$(cd "$folder" && bundle_files | cat | tr '\0' '\n' | LC_ALL=C comm -23 - <(cut -c67- MANIFEST.sha256))
  [[ ! $extra ]] || fail "$folder has files that its manifest does not name: ${extra//$'\n'/, }. Nothing was changed."
}

bundle_files() { find . -type f ! -path ./MANIFEST.sha256 -printf '%P\0' | LC_ALL=C sort -z; }

write_manifest() { (cd "$1" && bundle_files | xargs -0 sha256sum >MANIFEST.sha256); }

# The Python packages, for the machine and the Python that are named, or this one's.
bundle_wheels() {
  local folder=$1 machine=$2 python=$3 lock=box tag options=(--only-binary ':all:')
  # Debian 12 on a Raspberry Pi takes the lock that its camera stack needs.
  [[ $machine != aarch64 || $python != 3.11 ]] || lock=bookworm
  # pip takes the names as they are, so all that Debian 12's C library (2.36) can run.
  for tag in manylinux2014 $(seq -f manylinux_2_%g 17 36); do
    options+=(--platform "${tag}_$machine")
  done
  "$VENV/bin/python" requirements/for_machine.py "requirements/$lock.txt" "$python" "$machine" >"$folder/lock.txt"
  "$VENV/bin/python" -m pip download --disable-pip-version-check --quiet --require-hashes --python-version "$python" \
    -r "$folder/lock.txt" -d "$folder/wheels" "${options[@]}"
  rm "$folder/lock.txt"
}

# The Debian packages with all that they need, from this system's sources: it must be the box's system. apt is told that
# nothing is installed, so that what this machine happens to have is not left out.
bundle_debs() {
  local folder=$1 package offered=() nothing
  command -v apt-get >/dev/null || fail "--debs needs apt-get, on the operating system of the box"
  apt-get update -qq
  while read -r package; do
    if is_offered "$package"; then offered+=("$package"); fi
  done <"$folder/debs.txt"
  nothing=$(mktemp -d)
  mkdir "$nothing/partial"
  : >"$nothing/status"
  say "Fetching the Debian packages ${offered[*]} with what they need"
  apt-get install -y -qq --download-only --no-install-recommends -o Dir::State::status="$nothing/status" \
    -o Dir::Cache::archives="$nothing" -o APT::Sandbox::User=root -o APT::Keep-Downloaded-Packages=true "${offered[@]}"
  mv "$nothing"/*.deb "$folder/debs"
  rm -rf "$nothing"
}

# debs_as_source FOLDER: makes FOLDER an apt source of the bundle's Debian packages: apt itself then chooses from them.
debs_as_source() {
  local deb
  ln -s "$OFFLINE/debs" "$1/debs"
  mkdir -p "$1/lists/partial"
  for deb in "$OFFLINE"/debs/*.deb; do
    dpkg-deb --field "$deb"
    printf 'Filename: ./debs/%s\nSize: %s\nSHA256: %s\n\n' "$(basename "$deb")" "$(stat -c %s "$deb")" \
      "$(sha256sum "$deb" | cut -c-64)"
  done >"$1/Packages"
  printf 'deb [trusted=yes] file:%s ./\n' "$1" >"$1/sources.list"
}

command_bundle() {
  local folder=${1:-} machine python='' debs=''
  machine=$(uname -m)
  [[ $folder && $folder != -* ]] || fail "bundle needs a folder: ./setup.sh bundle FOLDER"
  shift
  while (($#)); do
    case $1 in
      --machine) machine=${2:-} && shift ;;
      --python) python=${2:-} && shift ;;
      --debs) debs=yes ;;
      *) fail "bundle knows no option '$1'. See ./setup.sh --help" ;;
    esac
    shift || fail "the last option lacks its value"
  done
  [[ ! -e $folder ]] || [[ ! $(ls -A "$folder") ]] || fail "$folder is not empty"
  mkdir -p "$folder/source" "$folder/wheels" "$folder/debs"
  folder=$(readlink -f "$folder")
  source_files | xargs -0 cp --parents -t "$folder/source"
  wanted_packages >"$folder/debs.txt"
  make_venv "$VENV"
  [[ $python ]] || python=$("$VENV/bin/python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
  bundle_wheels "$folder" "$machine" "$python"
  [[ ! $debs ]] || bundle_debs "$folder"
  write_manifest "$folder"
  say "The bundle is in $folder. On the box: sudo FOLDER/source/setup.sh install --offline FOLDER"
}
