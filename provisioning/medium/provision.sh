#!/bin/sh
# Mise en service sans ligne / provisioning without a line:
#
#     sh provision.sh NOM-DE-L-APPAREIL --fingerprint "1f3a 9c02 …"
#
# This file checks and copies, and that is all it does: until every byte of the medium is accounted for under the
# key whose fingerprint the technician holds, nothing else of it is run. What is used afterwards is the checked copy
# on the device's own disk, so a stick that answers differently the second time gains nothing.
#
# Who does not take this very file on trust checks it first by hand: the lines are in LISEZMOI.txt.
set -eu
umask 022
export LC_ALL=C
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

store=/var/lib/borne-medium
device="" fingerprint="" only_check=""

say() { printf '%s\n%s\n' "$1" "$2"; }
refuse() { say "REFUSÉ : $1" "REFUSED: $2" >&2; exit 1; }
wrong() { say "$1" "$2" >&2; exit 2; }
step() { say "[$1/4] $2…" "      $3…"; }
usage() {
  groups="xxxx xxxx xxxx xxxx xxxx xxxx xxxx xxxx"
  wrong "Usage : sh provision.sh NOM-DE-L-APPAREIL --fingerprint \"$groups\" [--check] [--store DOSSIER]" \
    "Usage: sh provision.sh DEVICE-NAME --fingerprint \"$groups\" [--check] [--store FOLDER]"
}
plain() { printf '%s' "$1" | tr -d ' :\t-' | tr 'A-F' 'a-f'; }
said() { sed -n "s/^# $1 //p" "$work/SHA256SUMS" | head -n 1; }

arguments() {
  while [ $# -gt 0 ]; do
    case "$1" in
      --fingerprint | --store)
        [ $# -ge 2 ] || usage
        if [ "$1" = --store ]; then store=$2; else fingerprint=$2; fi
        shift
        ;;
      --check) only_check=yes ;;
      -*) usage ;;
      *) [ -z "$device" ] || usage; device=$1 ;;
    esac
    shift
  done
  [ -n "$device$only_check" ] || usage
  case "$store" in /*) ;; *) usage ;; esac
}

machine() {
  [ "$(id -u)" = 0 ] || wrong "À lancer en root : su -, puis la même commande." "Run as root: su -, then the same command."
  # shellcheck source=/dev/null
  system=$(. /etc/os-release && printf '%s %s' "${ID:-}" "${VERSION_ID:-}")
  [ "$system" = "debian 12" ] || wrong "Il faut Debian 12 ; cette machine a : $system." "Debian 12 is needed; this machine has: $system."
  [ "$(uname -m)" = x86_64 ] || wrong "Il faut un processeur x86-64 ; ici : $(uname -m)." "An x86-64 processor is needed; here: $(uname -m)."
  for tool in openssl sha256sum tar find comm; do
    command -v "$tool" >/dev/null || wrong \
      "Il manque « $tool » : réinstallez Debian 12 avec « utilitaires usuels du système »." \
      "'$tool' is missing: install Debian 12 again with 'standard system utilities'."
  done
}

# Les trois fichiers du sceau d’abord, copiés avant d’être lus / the seal's three files first, copied before they are read.
seal() {
  for name in SHA256SUMS SHA256SUMS.sig borne.pub; do
    if [ ! -f "$here/$name" ] || [ -L "$here/$name" ]; then
      refuse "il manque $name sur le support." "$name is missing from the medium."
    fi
    head -c 33554432 "$here/$name" >"$work/$name"
  done
  # Over the key's whole DER form, kind and all: another kind of key could be made to end in the same 32 bytes.
  shown=$(openssl pkey -pubin -in "$work/borne.pub" -outform DER 2>/dev/null | sha256sum | cut -c 1-32)
  believe "$shown"
  openssl pkeyutl -verify -pubin -inkey "$work/borne.pub" -rawin -in "$work/SHA256SUMS" \
    -sigfile "$work/SHA256SUMS.sig" >/dev/null 2>&1 ||
    refuse "la signature ne va pas avec SHA256SUMS : support abîmé ou modifié." \
      "the signature does not belong to SHA256SUMS: the medium is damaged or was changed."
  [ "$(head -n 1 "$work/SHA256SUMS")" = "# borne/v1/medium" ] ||
    refuse "ce n’est pas un support de mise en service." "this is not a provisioning medium."
}

believe() {
  if [ -z "$fingerprint" ] && [ -t 0 ]; then
    say "Empreinte de la fiche de terrain (8 groupes de 4) :" "Fingerprint on the field card (8 groups of 4):"
    read -r fingerprint
  fi
  typed=$(plain "$fingerprint")
  case "$typed" in
    "" | *[!0-9a-f]*) typed="" ;;
    *) [ ${#typed} = 32 ] || typed="" ;;
  esac
  [ -n "$typed" ] || wrong "Une empreinte a 8 groupes de 4 caractères, de 0 à 9 et de a à f." \
    "A fingerprint has 8 groups of 4 characters, 0 to 9 and a to f."
  [ "$typed" = "$1" ] || refuse \
    "la clé du support n’est pas celle de l’empreinte. Sur le support : $(printf '%s' "$1" | sed 's/..../& /g')" \
    "the medium's key is not the one of the fingerprint. On the medium: $(printf '%s' "$1" | sed 's/..../& /g')"
}

# La date signée sert de plancher à l’horloge, et un vieux support ne défait pas un plus récent.
# The signed date is the floor of the clock, and an old medium does not undo a newer one.
age() {
  built=$(said built | cut -d ' ' -f 2)
  newest=$(cat "$store/newest" 2>/dev/null || echo 0)
  [ "$built" -ge "$newest" ] || refuse \
    "ce support ($(said built | cut -c 1-10)) est plus ancien que le dernier employé ici ($(date -u -d "@$newest" +%Y-%m-%d))." \
    "this medium ($(said built | cut -c 1-10)) is older than the last one used here ($(date -u -d "@$newest" +%Y-%m-%d))."
  now=$(date +%s)
  if [ "$now" -lt "$built" ] && [ -z "$only_check" ]; then
    say "Horloge en retard ($(date -u -d "@$now" +%Y-%m-%d)) : mise à la date du support." \
      "The clock is behind ($(date -u -d "@$now" +%Y-%m-%d)): set to the medium's date."
    date -s "@$built" >/dev/null || say "L’horloge ne se laisse pas régler." "The clock cannot be set."
  fi
}

# Ce qui manque, ce qui est en trop, ce qui n’est pas un fichier / what is missing, left over, or no file.
names() {
  grep -v '^#' "$work/SHA256SUMS" | cut -c 67- | sort >"$work/listed"
  bad=$(grep -m 1 -v -E '^[A-Za-z0-9_][A-Za-z0-9._+~@=/-]*$' "$work/listed" || grep -m 1 -F '/..' "$work/listed" || true)
  [ -z "$bad" ] || refuse "nom interdit dans SHA256SUMS : $bad" "forbidden name in SHA256SUMS: $bad"
  bad=$(cd "$1" && find . -mindepth 1 ! -type f ! -type d | sort | head -n 1)
  [ -z "$bad" ] || refuse "lien ou fichier spécial : ${bad#./}" "link or special file: ${bad#./}"
  (cd "$1" && find . -type f ! -path ./SHA256SUMS ! -path ./SHA256SUMS.sig) | sed 's|^\./||' | sort >"$work/there"
  bad=$(comm -23 "$work/listed" "$work/there" | head -n 1)
  [ -z "$bad" ] || refuse "fichier manquant : $bad" "missing file: $bad"
  bad=$(comm -13 "$work/listed" "$work/there" | head -n 1)
  [ -z "$bad" ] || refuse "fichier en trop : $bad. Effacez-le du support, ou recopiez tout." \
    "extra file: $bad. Remove it from the medium, or copy it all anew."
}

contents() {
  bad=$( (cd "$1" && sha256sum --check --strict --quiet SHA256SUMS 2>/dev/null) | sed -n 's/: FAILED.*//p' | head -n 1)
  [ -z "$bad" ] || refuse "fichier modifié ou abîmé : $bad" "changed or damaged file: $bad"
  (cd "$1" && sha256sum --check --strict --status SHA256SUMS 2>/dev/null) ||
    refuse "SHA256SUMS est illisible." "SHA256SUMS cannot be read."
}

# Une copie dont rien ne manque, et dont rien ne vient d’ailleurs / a copy with nothing missing and nothing added.
whole() {
  cmp -s "$work/SHA256SUMS" "$1/SHA256SUMS" || refuse "la copie n’est pas ce support." "the copy is not this medium."
  names "$1"
  contents "$1"
}

copy() {
  # One copy at a time: a small disk holds no two, and the stick is at hand.
  rm -rf "$incoming" "$store/current"
  free=$(df -Pk "$store" | awk 'NR == 2 { print int($4 / 1024) }')
  needed=$(($(said needs) / 1048576))
  [ "$free" -ge "$needed" ] || wrong \
    "Pas assez de place sur $store : $free Mio libres, $needed nécessaires." \
    "Not enough room on $store: $free MiB free, $needed needed."
  mkdir -p "$incoming"
  tar -C "$here" --no-recursion --verbatim-files-from -cf - -T "$work/listed" |
    tar -C "$incoming" --no-same-owner --no-same-permissions -xf -
  cp "$work/SHA256SUMS" "$work/SHA256SUMS.sig" "$incoming/"
}

arguments "$@"
machine
here=$(cd "$(dirname "$0")" && pwd -P)
incoming=$store/incoming
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
step 1 "Signature" "Signature"
seal
age
step 2 "Contenu du support" "Contents of the medium"
names "$here"
if [ -n "$only_check" ]; then
  contents "$here"
  say "Support entier et signé : version $(said version), $(said built | cut -c 1-10)." \
    "The medium is whole and signed: version $(said version), $(said built | cut -c 1-10)."
  exit 0
fi
if [ "$here" = "$store/current" ] || (whole "$store/current") 2>/dev/null; then
  whole "$store/current"
else
  mkdir -p "$store"
  step 3 "Copie ($(($(said bytes) / 1000000)) Mo)" "Copying ($(($(said bytes) / 1000000)) MB)"
  copy
  whole "$incoming"
  mv "$incoming" "$store/current"
fi
printf '%s\n' "$built" >"$store/newest"
step 4 "Mise en service de $device" "Provisioning $device"
exec sh "$store/current/install.sh" "$device" "$store"
