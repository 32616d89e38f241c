# Processes that outlive this script, and ports that answer.

start_ticks() { # start_ticks PID: when the process began; with the pid, this names one process for good
  local stat
  read -r stat 2>/dev/null <"/proc/$1/stat" || return 1
  # The command's name, in parentheses, may hold spaces: count from behind it. Field 22 of proc(5).
  # shellcheck disable=SC2086
  set -- ${stat##*) }
  echo "${20}"
}

remember_process() { # remember_process FILE PID
  echo "$2 $(start_ticks "$2")" >"$1.new"
  mv "$1.new" "$1"
}

process_of() { # process_of FILE: its pid, or failure when it is gone. Pids are given out again, so the start must agree
  local pid ticks
  read -r pid ticks 2>/dev/null <"$1" || return 1
  [ "$(start_ticks "$pid")" = "$ticks" ] || return 1
  echo "$pid"
}

end_process() { # end_process FILE SIGNAL SECONDS: sends it, waits; 1 when the process outlived the wait
  local pid tenth
  if pid=$(process_of "$1"); then
    kill "-$2" "$pid" 2>/dev/null || true
    for ((tenth = 0; tenth < $3 * 10; tenth++)); do
      process_of "$1" >/dev/null || break
      sleep 0.1
    done
    ! process_of "$1" >/dev/null || return 1
  fi
  rm -f "$1"
}

answers() { # answers ADDRESS PORT
  (exec 3<>"/dev/tcp/$1/$2") 2>/dev/null
}
