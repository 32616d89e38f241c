# Cassandra in a host.

make_cassandra_config() { # make_cassandra_config 2 ETC
  local yaml=$2/cassandra/cassandra.yaml own
  fill_in "$1" "$yaml"
  case $version in 3.* | 4.0.*) old_names "$yaml" ;; esac
  # 5.0 writes sstables that 4.1 can read until told otherwise; said here because 4.1 refuses to know the setting.
  case $version in 5.*) echo 'storage_compatibility_mode: CASSANDRA_4' >>"$yaml" ;; esac
  [ -z "${SSTASH_SANDBOX_YAML:-}" ] || add_settings "$yaml" "$SSTASH_SANDBOX_YAML"
  own=${SSTASH_SANDBOX_YAML_DIR:-}/$(address "$1").yaml
  [ -z "${SSTASH_SANDBOX_YAML_DIR:-}" ] || [ ! -f "$own" ] || add_settings "$yaml" "$(cat "$own")"
  mkdir -p "$2/default"
  # Java 8 has no modules, and refuses what is about them.
  case $version in 3.*) : >"$2/cassandra/jvm-modules.options" ;; esac
  printf 'JAVA=%q\nADDRESS=%q\n' "$(host_java "$version")" "$(address "$1")" >"$2/default/cassandra"
  if [ "${SSTASH_SANDBOX_NODETOOL:-}" = resident ] && [ "$(java_of "$version")" = 17 ]; then
    echo NODETOOL_PORT=7198 >>"$2/default/cassandra"
  fi
}

old_names() { # old_names CASSANDRA.YAML: before 4.1 a setting's unit is a part of its name
  sed -i -E -e 's/^(\w+): ([0-9]+)ms$/\1_in_ms: \2/' -e 's/^(\w+): ([0-9]+)MiB$/\1_in_mb: \2/' \
    -e 's/^(materialized_views|user_defined_functions)_enabled:/enable_\1:/' "$1"
  case $version in
    3.*)
      sed -i '/^networking_cache_size_in_mb:/d' "$1"
      printf '%s\n' 'start_rpc: false' 'start_native_transport: true' >>"$1"
      ;;
  esac
}

add_settings() { # add_settings CASSANDRA.YAML TEXT
  local name
  # A setting that is given replaces ours: which of two equal keys counts is nobody's promise.
  sed -n 's/^\([a-z_]*\):.*/\1/p' <<<"$2" | while read -r name; do sed -i "/^$name:/d" "$1"; done
  printf '%s\n' "$2" >>"$1"
}

cassandra_runs() { in_host "$1" /etc/init.d/cassandra status >/dev/null; }

begin_cassandra() { in_host "$1" service cassandra start; }

wait_for_cql() { # wait_for_cql 2
  local fifth log
  for ((fifth = 0; fifth < 1500; fifth++)); do
    ! answers "$(address "$1")" 9042 || return 0
    if ! cassandra_runs "$1"; then
      log=$(host_dir "$1")/log
      tail -n 8 "$log/stdout.log" "$log/system.log" >&2 || true
      die "Cassandra on h$1 died while starting, see above"
    fi
    sleep 0.2
  done
  die "Cassandra on h$1 does not answer after 5 minutes; its log is $(host_dir "$1")/log/system.log"
}

wait_for_ring() { # every node sees every node up and normal: whichever is asked reads from all replicas
  local number half seen
  for number in $(host_numbers); do
    for ((half = 0; half < 240; half++)); do
      seen=$(in_host "$number" nodetool status 2>/dev/null | grep -c '^UN' || true)
      [ "$seen" != "$nodes" ] || continue 2
      sleep 0.5
    done
    die "after $SECONDS s, h$number sees only $seen of $nodes nodes up"
  done
}

# Tests wait for nodetool more than for anything else, and most of its time is Java loading classes. Those that it has loaded
# once lie in an archive beside the jars of that version from then on: 0.6 s of CPU for each call instead of 0.95.
archive_nodetool() {
  local archive made
  [ "$(java_of "$version")" = 17 ] || return 0
  archive=$(jars_of "$version")/nodetool.jsa made=$(host_dir "$first")/tmp/nodetool.jsa
  [ ! -f "$archive" ] || return 0
  in_host "$first" env JDK_JAVA_OPTIONS=-XX:ArchiveClassesAtExit=/tmp/nodetool.jsa nodetool info >/dev/null 2>&1 || true
  # Without it everything works, only slower.
  if [ -f "$made" ]; then
    install -m 444 "$made" "$archive.$$"
    mv "$archive.$$" "$archive"
    rm -f "$made"
  fi
}

stop_cassandra() { # stop_cassandra 2: drained, so that nothing is left to replay
  cassandra_runs "$1" || return 0
  in_host "$1" nodetool drain || say "drain failed on h$1; stopping anyway"
  in_host "$1" service cassandra stop
}

kill_cassandra() { # kill_cassandra 2: until it is gone, so that a start that follows does not take it for running
  local tenth
  cassandra_runs "$1" || die "Cassandra does not run on h$1"
  # shellcheck disable=SC2016 # the host's shell expands it
  in_host "$1" sh -c 'kill -9 "$(cat /run/cassandra.pid)"'
  for ((tenth = 0; tenth < 100; tenth++)); do
    cassandra_runs "$1" || return 0
    sleep 0.1
  done
  die "Cassandra on h$1 does not end"
}

cassandra_status() { # cassandra_status 2: "up", "starting" or "stopped"
  if answers "$(address "$1")" 9042; then
    echo up
  elif cassandra_runs "$1"; then
    echo starting
  else
    echo stopped
  fi
}

host_status() { # host_status 2: one line; 3 when something is not up
  local sshd=down cassandra=stopped
  if host_process "$1" >/dev/null; then
    ! answers "$(address "$1")" "$ssh_port" || sshd=up
    cassandra=$(cassandra_status "$1")
  fi
  printf 'h%s %s  sshd %s  cassandra %s %s  data %s\n' "$1" "$(address "$1")" "$sshd" "$version" "$cassandra" \
    "$(sed -n 's/^data_file_directories: \[\(.*\)\]/\1/p' "$(host_dir "$1")/upper/etc/cassandra/cassandra.yaml")"
  [ "$sshd $cassandra" = "up up" ] || return 3
}
