#!/bin/sh
# Second half of provision.sh, run from the checked copy: Ansible out of the medium, then the playbooks for this device.
#
#     install.sh DEVICE STORE
#
# Doing it again costs little and mends what an interruption left: each step finds what is already done.
set -eu
umask 022
export LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive PYTHONDONTWRITEBYTECODE=1 PIP_DISABLE_PIP_VERSION_CHECK=1
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

device=$1 store=$2
medium=$store/current
ansible=/opt/borne/ansible
logs=/var/log/borne
log=$logs/provision.log

say() { printf '%s\n%s\n' "$1" "$2"; }
wrong() { say "$1" "$2" >&2; exit 2; }
# Every step's own words go to the log; a person sees them where it fails.
quietly() {
  begins=$(wc -c <"$log")
  "$@" >>"$log" 2>&1 </dev/null || {
    tail -c "+$((begins + 1))" "$log" | tail -n 20 >&2
    say "ÉCHEC : $* (journal complet : $log)" "FAILED: $* (whole log: $log)" >&2
    exit 1
  }
}

known() {
  kind=$(awk -v name="$device" '$1 == name { print $2 }' "$medium/devices.txt")
  [ -n "$kind" ] || {
    say "« $device » n’est pas dans l’inventaire de ce support. Appareils connus :" \
      "'$device' is not in this medium's inventory. Known devices:" >&2
    awk '{ printf "  %-32s %s\n", $1, $2 }' "$medium/devices.txt" >&2
    exit 2
  }
  release=$(find "$medium/releases" -maxdepth 1 -name "borne-$kind-*" | head -n 1)
  [ -n "$release" ] || wrong "Ce support n’a rien pour un appareil de type « $kind »." "This medium has nothing for a device of kind '$kind'."
  if [ "$kind" != centre ] && ! grep -qw avx /proc/cpuinfo; then
    wrong "Ce processeur n’a pas AVX : la comparaison des visages n’y tourne pas. Changez de machine." \
      "This processor lacks AVX: faces cannot be compared on it. Use another machine."
  fi
}

# apt ne voit que la copie vérifiée ; les sources de la machine restent ce qu’elles sont.
# apt sees the checked copy only; the machine's own sources stay what they are. Trusted without a signature of
# Debian's shape because provision.sh has checked every byte of it against ours.
packages() {
  mkdir -p "$store/apt/lists/partial"
  printf 'deb [trusted=yes] file:%s/debian ./\n' "$medium" >"$store/apt/sources.list"
  printf '%s\n' "Dir::Etc::SourceList \"$store/apt/sources.list\";" 'Dir::Etc::SourceParts "/dev/null";' \
    "Dir::State::Lists \"$store/apt/lists\";" 'Acquire::Languages "none";' 'APT::Sandbox::User "root";' \
    'APT::Install-Recommends "false";' 'Dpkg::Options:: "--force-confdef";' 'Dpkg::Options:: "--force-confold";' \
    'Dpkg::Use-Pty "0";' >"$store/apt/apt.conf"
  export APT_CONFIG="$store/apt/apt.conf"
  quietly dpkg --configure -a
  quietly apt-get update
  quietly apt-get install --yes --fix-broken
  quietly apt-get upgrade --yes --with-new-pkgs
  # shellcheck disable=SC2046 # a list of names, one a line
  quietly apt-get install --yes $(cat "$medium/packages.txt")
}

controller() {
  wanted=$(cat "$medium/ansible/requirements.txt" "$medium/ansible/collections.tar" | sha256sum)
  [ "$(cat "$ansible/.medium" 2>/dev/null || true)" != "$wanted" ] || return 0
  rm -rf "$ansible"
  quietly python3 -m venv "$ansible"
  quietly "$ansible/bin/pip" install --no-index --find-links "$medium/wheels" --no-deps --require-hashes \
    -r "$medium/ansible/requirements.txt"
  mkdir -p "$ansible/collections"
  quietly tar -C "$ansible/collections" --no-same-owner -xf "$medium/ansible/collections.tar"
  printf '%s' "$wanted" >"$ansible/.medium"
}

# La version signée, de nouveau entière : ses paquets sont communs à tous les rôles du support.
# The signed release, whole again: its wheels lie in the pool that the medium's roles share.
whole_release() {
  rm -rf "$store/releases"
  mkdir -p "$store/releases"
  cp -R "$release" "$store/releases/"
  release=$store/releases/${release##*/}
  mkdir "$release/wheels"
  python3 -c 'import json, sys
for file in json.load(open(sys.argv[1]))["files"]: print(file["name"])' "$release/release.json" >"$store/wheels"
  while read -r name; do
    ln "$medium/$name" "$release/$name" || cp "$medium/$name" "$release/$name"
  done <"$store/wheels"
}

converge() {
  cd "$medium/provisioning"
  export ANSIBLE_CONFIG="$medium/provisioning/ansible.cfg" ANSIBLE_COLLECTIONS_PATH="$ansible/collections" \
    ANSIBLE_LOCAL_TEMP="$store/ansible" ANSIBLE_HOME="$store/ansible" ANSIBLE_LOG_PATH="$log" ANSIBLE_NOCOLOR=1
  practice=""
  if [ -e "$medium/practice.json" ]; then
    say "SUPPORT D’EXERCICE : clés jetables, pas pour le service." "PRACTICE MEDIUM: throw-away keys, not for service."
    practice="-e @$medium/practice.json"
  fi
  # shellcheck disable=SC2086 # two words or none
  "$ansible/bin/ansible-playbook" -i inventories/medium site.yml --limit "$device" \
    -e ansible_connection=local -e ansible_become=false -e ansible_python_interpreter=/usr/bin/python3 \
    -e "borne_medium=$medium" -e "borne_release_file=$release" $practice </dev/null || {
    say "ÉCHEC. Le premier « fatal » ci-dessus dit quoi ; corrigez, puis relancez la même commande." \
      "FAILED. The first 'fatal' above says what; mend it, then run the same command again." >&2
    say "Journal complet : $log" "Whole log: $log" >&2
    exit 1
  }
}

next_steps() {
  say "" ""
  say "$device est prêt ($kind)." "$device is ready ($kind)."
  if [ "$kind" = centre ]; then
    say "Ensuite : borne doctor" "Next: borne doctor"
    return
  fi
  say "Ensuite : 1. Retirez la clé USB, redémarrez.  2. borne doctor dit ce qui manque." \
    "Next: 1. Remove the stick, restart.  2. borne doctor says what is missing."
  for request in /var/lib/borne-exchange/*.request; do
    [ -e "$request" ] || continue
    say "Demande d’enrôlement à porter au centre : $request" "Enrolment request to take to the centre: $request"
  done
}

mkdir -p "$logs"
chmod 0750 "$logs"
printf '\n==== %s %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$device" >>"$log"
known
say "Paquets Debian…" "Debian packages…"
packages
say "Ansible…" "Ansible…"
controller
whole_release
say "Rôles…" "Roles…"
converge
next_steps
