# Where things lie, and what this sandbox was made with. Sourced by scripts/sandbox; needs $repo.

cache=${SSTASH_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/sstash}
state=$(realpath -m -- "${SSTASH_SANDBOX:-$repo/.sandbox}")
settings=$state/settings
key=$state/id_ed25519
known_hosts=$state/known_hosts
first=2 # .1 is the control host's side: the S3 server listens there

say() { printf 'sandbox: %s\n' "$*" >&2; }

die() {
  printf 'sandbox: %s\n' "$*" >&2
  exit 1
}

usage_error() {
  printf 'sandbox: %s (see scripts/sandbox --help)\n' "$*" >&2
  exit 2
}

need_root() { [ "$(id -u)" = 0 ] || die "this needs root: hosts are made of namespaces and mounts. Run it with sudo"; }

full_version() { # full_version 5.0 -> 5.0.9
  case $1 in
    6.0 | 6.0-alpha2) echo 6.0-alpha2 ;;
    5.0 | 5.0.9) echo 5.0.9 ;;
    4.1 | 4.1.10) echo 4.1.10 ;;
    4.0 | 4.0.19) echo 4.0.19 ;;
    3.11 | 3.11.19) echo 3.11.19 ;;
    *) usage_error "no such version here: '$1'. There are 6.0 (an alpha version), 5.0, 4.1, 4.0 and 3.11" ;;
  esac
}

random_letters() { # random_letters 40
  head -c $(($1 * 3)) /dev/urandom | base64 -w 0 | tr -d '+/=' | cut -c "1-$1"
}

# The settings of a sandbox are fixed when it is made: seeds, tokens and data directories are written into every host.
# Sets nodes, version, net, ssh_port, s3_port, s3_id and s3_secret.
load_settings() {
  [ -f "$settings" ] || die "no sandbox in $state. Make one with: scripts/sandbox up"
  # shellcheck source=/dev/null
  . "$settings"
  : "${nodes:?}" "${version:?}" "${net:?}" "${ssh_port:?}" "${s3_port:?}" "${s3_id:?}" "${s3_secret:?}"
  s3_url=http://$net.1:$s3_port
}

make_settings() { # make_settings NODES VERSION NET
  [[ $state != *[,:\\]* ]] || die "the state directory's path must not hold a comma, colon or backslash: $state"
  local port
  s3_port=${SSTASH_S3_PORT:-9380} ssh_port=22
  for port in 7000 7199 9042; do
    ! answers "$3.$first" "$port" || die "port $port is taken on $3.$first, by another cluster? Choose other addresses with --net"
  done
  ! answers "$3.1" "$s3_port" || die "port $s3_port is taken on $3.1: choose another with SSTASH_S3_PORT"
  # A machine with an sshd of its own usually has it on every address, so on the hosts' addresses too.
  if answers "$3.$first" 22; then
    ssh_port=2222
    say "port 22 is taken on $3.$first: the hosts' sshd will listen on $ssh_port"
  fi
  mkdir -p "$state"
  (
    umask 077
    {
      printf 'nodes=%q version=%q net=%q ssh_port=%q\n' "$1" "$2" "$3" "$ssh_port"
      printf 's3_port=%q s3_id=%q s3_secret=%q\n' "$s3_port" "SANDBOX$(random_letters 13)" "$(random_letters 40)"
    } >"$settings.new"
  )
  [ -f "$key" ] || ssh-keygen -q -t ed25519 -N '' -C sstash-sandbox -f "$key"
  mv "$settings.new" "$settings"
  # Made with sudo, used without it: sstash runs as the user and must read the key.
  [ -z "${SUDO_UID:-}" ] || chown "$SUDO_UID" "$state" "$settings" "$key"
}

host_numbers() { seq "$first" $((first + nodes - 1)); }

host_number() { # host_number 127.0.0.3 | h3 | 3 -> 3
  local number=${1#h}
  number=${number#"$net."}
  if ! [[ $number =~ ^[0-9]{1,3}$ ]] || ((number < first || number >= first + nodes)); then
    usage_error "no host '$1' here: there are $(host_numbers | sed 's/^/h/' | paste -sd ' ')"
  fi
  echo "$number"
}

one_at_a_time() { # held until this script ends; whatever is left running must not inherit it (9>&-)
  mkdir -p "$state"
  exec 9>"$state/lock"
  flock -w 600 9 || die "another scripts/sandbox is busy with $state"
}
