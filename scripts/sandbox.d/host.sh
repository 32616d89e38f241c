# A host: its disk, its users, its life. See boot-host for what a running one is made of.

host_dir() { echo "$state/h$1"; }
address() { echo "$net.$1"; }
last_host() { echo $((first + nodes - 1)); }

host_path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

make_host() { # make_host 2: everything the host's disk holds more than this machine's. Kept as it is once made
  local dir
  dir=$(host_dir "$1")
  [ ! -f "$dir/made" ] || return 0
  rm -rf "$dir"
  umask 022
  mkdir -p "$dir"/{work,root,lib,log,upper/home,upper/etc/cassandra/triggers}
  mkdir -m 1777 "$dir/tmp"
  # Several data directories are ordinary, and easily forgotten by a backup: the last host has two.
  [ "$1" != "$(last_host)" ] || mkdir -m 750 "$dir/data2"
  cp -R --preserve=mode,links "$parts/host/." "$dir/upper/"
  fill_in "$1" "$dir/upper/etc/ssh/sshd_config" "$dir/upper/etc/cassandra/cassandra-rackdc.properties"
  make_cassandra_config "$1" "$dir/upper/etc"
  make_users "$dir/upper"
  make_names "$1" "$dir/upper/etc"
  chmod 440 "$dir/upper/etc/sudoers.d/ops"
  ssh-keygen -q -t ed25519 -N '' -C "h$1" -f "$dir/upper/etc/ssh/ssh_host_ed25519_key"
  chown -R 7100:7100 "$dir/lib" "$dir/log"
  chmod 750 "$dir/lib"
  [ ! -d "$dir/data2" ] || chown 7100:7100 "$dir/data2"
  touch "$dir/made"
}

fill_in() { # fill_in 2 FILE...: the @WORDS@ of the files below sandbox.d/host
  local number=$1 directories=/var/lib/cassandra/data seeds
  shift
  [ "$number" != "$(last_host)" ] || directories+=", /var/lib/cassandra/data2"
  seeds=$(host_numbers | sed "s/^/$net./" | paste -sd ,)
  sed -i -e "s|@ADDRESS@|$(address "$number")|" -e "s|@SSH_PORT@|$ssh_port|" -e "s|@RACK@|rack$((number - first + 1))|" \
    -e "s|@SEEDS@|$seeds|" -e "s|@DATA_DIRECTORIES@|$directories|" "$@"
}

make_users() { # make_users UPPER: cassandra owns the data, ops logs in
  cp -p /etc/passwd /etc/group /etc/shadow "$1/etc/"
  sed -i '/^\(cassandra\|ops\):/d' "$1"/etc/{passwd,group,shadow}
  cat >>"$1/etc/passwd" <<PASSWD
cassandra:x:7100:7100:Cassandra:/var/lib/cassandra:/usr/sbin/nologin
ops:x:7101:7101:Operator:/home/ops:/bin/bash
PASSWD
  printf '%s\n' cassandra:x:7100: ops:x:7101: >>"$1/etc/group"
  # '*' is "no password"; '!' would be "locked", which sshd refuses whatever the key.
  printf '%s\n' 'cassandra:*:20000:0:99999:7:::' 'ops:*:20000:0:99999:7:::' >>"$1/etc/shadow"
  cp -R /etc/skel "$1/home/ops"
  mkdir -m 700 "$1/home/ops/.ssh"
  install -m 600 "$key.pub" "$1/home/ops/.ssh/authorized_keys"
  chown -R 7101:7101 "$1/home/ops"
}

make_names() { # make_names 2 ETC
  local number
  echo "h$1" >"$2/hostname"
  echo "127.0.0.1 localhost" >"$2/hosts"
  for number in $(host_numbers); do echo "$(address "$number") h$number" >>"$2/hosts"; done
}

write_known_hosts() {
  local number name
  for number in $(host_numbers); do
    name=$(address "$number")
    [ "$ssh_port" = 22 ] || name="[$name]:$ssh_port"
    echo "$name $(cut -d ' ' -f 1,2 "$(host_dir "$number")/upper/etc/ssh/ssh_host_ed25519_key.pub")"
  done >"$known_hosts.new"
  mv "$known_hosts.new" "$known_hosts"
}

host_process() { process_of "$(host_dir "$1")/init"; }

boot_host() { # boot_host 2: until its sshd answers
  local dir port tenth
  ! host_process "$1" >/dev/null || return 0
  dir=$(host_dir "$1")
  for port in "$ssh_port" 7000 7199 9042; do
    ! answers "$(address "$1")" "$port" || die "port $port on $(address "$1") is in use by something else"
  done
  rm -f "$dir/init"
  setsid unshare --mount --uts --ipc --pid --fork --kill-child --propagation private \
    "$parts/boot-host" "$dir" "h$1" "$state" "$(jars_of "$version")" "$venv" "$(unpacked_java "$(java_of "$version")")" </dev/null >"$dir/boot.log" 2>&1 8>&- 9>&- &
  local starter=$!
  disown
  for ((tenth = 0; tenth < 600; tenth++)); do
    ! answers "$(address "$1")" "$ssh_port" || return 0
    kill -0 "$starter" 2>/dev/null || break
    sleep 0.1
  done
  cat "$dir/boot.log" >&2
  die "host h$1 did not start, see above"
}

in_host() { # in_host 2 COMMAND...: as root
  local pid number=$1
  shift
  pid=$(host_process "$number") || die "host h$number is down"
  nsenter -t "$pid" -m -u -i -p -r -w env -i PATH=$host_path HOME=/root LANG=C.UTF-8 "TERM=${TERM:-dumb}" "$@" 8>&- 9>&-
}

crash_host() { # crash_host 2: as if the power went
  end_process "$(host_dir "$1")/init" KILL 20 || die "host h$1 does not end"
}

ssh_to() { # ssh_to 2 [COMMAND...]
  local number=$1
  shift
  exec ssh -F none -i "$key" -p "$ssh_port" -o IdentitiesOnly=yes -o BatchMode=yes -o StrictHostKeyChecking=yes \
    -o "UserKnownHostsFile=$known_hosts" "ops@$(address "$number")" "$@"
}
