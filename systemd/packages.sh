# shellcheck shell=bash
# The Debian packages: which, and from where they are installed. Sourced by setup.sh.

# Installed where the system's sources have them; only the first is needed in any case.
PACKAGES=(python3-venv python3-picamera2 python3-lgpio libcamera-ipa avahi-daemon network-manager dnsmasq-base)
# They make the PDFs and draw Chinese.
PAPER_PACKAGES=(fonts-noto-cjk libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0)
# Without xwayland cage ends at once, whether a program needs it or not.
SCREEN_PACKAGES=(chromium cage xwayland)

is_installed() { dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null | grep -qx installed; }

# apt's sources: the system's, or the bundle's debs.
APT=()

is_offered() { [[ $(apt-cache "${APT[@]}" policy "$1" 2>/dev/null | sed -n 's/^ *Candidate: //p') =~ ^[0-9] ]]; }

wanted_packages() {
  local all=("${PACKAGES[@]}" "${PAPER_PACKAGES[@]}" "${SCREEN_PACKAGES[0]}")
  has_desktop || all+=("${SCREEN_PACKAGES[@]:1}")
  printf '%s\n' "${all[@]}"
}

install_packages() {
  live || return 0
  command -v apt-get >/dev/null || fail "finds no apt-get: the appliance needs Debian or Raspberry Pi OS"
  local package missing=()
  while read -r package; do
    is_installed "$package" || missing+=("$package")
  done < <(wanted_packages)
  ((${#missing[@]})) || return 0
  if [[ $OFFLINE && ! $(compgen -G "$OFFLINE/debs/*.deb") ]]; then
    say "these Debian packages are missing, and $OFFLINE/debs has none: ${missing[*]} (docs/installing.md says how to get them)"
    return
  fi
  [[ ! $OFFLINE ]] || use_debs_of_bundle
  install_offered "${missing[@]}"
}

use_debs_of_bundle() {
  local source
  source=$(mktemp -d)
  # shellcheck disable=SC2064  # the folder of now
  trap "rm -rf '$source'" EXIT
  debs_as_source "$source"
  APT=(-o Dir::Etc::sourcelist="$source/sources.list" -o Dir::Etc::sourceparts=- -o Dir::State::lists="$source/lists"
    -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o APT::Sandbox::User=root)
}

install_offered() {
  local package offered=()
  [[ $CHECK && ! $OFFLINE ]] || apt-get "${APT[@]}" update -qq
  for package in "$@"; do
    if is_offered "$package"; then
      offered+=("$package")
    elif [[ $OFFLINE ]]; then
      say "there is no $package in $OFFLINE/debs: going on without it (docs/installing.md says how to get it)"
    elif [[ $CHECK ]]; then # which fetches no list, and may have an old one or none
      say "the list of packages here has no $package; the installation fetches a new list first"
    else
      say "this system has no $package: going on without it"
    fi
  done
  ((${#offered[@]})) || return 0
  change "install the Debian packages ${offered[*]}" apt_install "${offered[@]}"
}

apt_install() {
  DEBIAN_FRONTEND=noninteractive apt-get "${APT[@]}" install -y -qq --no-install-recommends "$@" >/dev/null
}
