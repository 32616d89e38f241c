# The S3 server: S3Proxy over a directory. It checks signatures, checksums and conditional writes for real.

s3_pid=$state/s3/pid

start_s3() {
  ! process_of "$s3_pid" >/dev/null || return 0
  ! answers "$net.1" "$s3_port" || die "port $s3_port on $net.1 is in use by something else"
  mkdir -p "$state/s3/data/backups" # a bucket is a directory
  (
    umask 077
    cat >"$state/s3/s3proxy.conf" <<CONF
s3proxy.endpoint=$s3_url
s3proxy.authorization=aws-v2-or-v4
s3proxy.identity=$s3_id
s3proxy.credential=$s3_secret
jclouds.provider=filesystem-nio2
jclouds.filesystem.basedir=$state/s3/data
CONF
  )
  # Whole signed bodies are held in memory, so the heap must carry several parts at once.
  setsid "$(java17)" -Xmx1g -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:+ExitOnOutOfMemoryError \
    -jar "$s3proxy" --properties "$state/s3/s3proxy.conf" </dev/null >"$state/s3/s3proxy.log" 2>&1 8>&- 9>&- &
  remember_process "$s3_pid" $!
  disown
  wait_for_s3
  say "S3 at $s3_url"
}

wait_for_s3() {
  local tenth
  for ((tenth = 0; tenth < 600; tenth++)); do
    # An unsigned request is refused with 403 by a server that is ready.
    [ "$(curl -s -o /dev/null -w '%{http_code}' "$s3_url/")" != 403 ] || return 0
    process_of "$s3_pid" >/dev/null || break
    sleep 0.1
  done
  tail -n 10 "$state/s3/s3proxy.log" >&2
  die "the S3 server did not start, see above"
}

stop_s3() {
  end_process "$s3_pid" TERM 10 || end_process "$s3_pid" KILL 5 || die "the S3 server does not end"
}

s3_status() {
  if process_of "$s3_pid" >/dev/null; then echo "s3 $s3_url up, bucket backups"; else echo "s3 $s3_url stopped" && return 3; fi
}
