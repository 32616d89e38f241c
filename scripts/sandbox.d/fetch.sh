# Everything the sandbox needs, by the ordinary clients: apt, Maven, pip. What is there is left alone; what is fetched
# appears whole or not at all.

s3proxy=$cache/s3proxy.jar
venv=$cache/venv
s3proxy_version=4.1.0

jars_of() { echo "$cache/cassandra/$1"; } # jars_of 5.0.9

has_driver() { compgen -G "$(jars_of "$1")/cassandra-driver-core-*-shaded.jar" >/dev/null; }

java17() { # the path of a Java 17 that every user of a host can run
  local java
  for java in /usr/lib/jvm/java-17-openjdk-*/bin/java /usr/lib/jvm/*17*/bin/java; do
    [ ! -x "$java" ] || { echo "$java" && return 0; }
  done
  return 1
}

java_of() { # java_of 4.0.19: the major version of the Java that this Cassandra runs on
  case $1 in
    3.*) echo 8 ;;
    4.0.*) echo 11 ;;
    *) echo 17 ;;
  esac
}

# Debian 12 has Java 17 alone. Older ones are unpacked from other releases of Debian, whole, below one directory, which every
# host of such a Cassandra has as $java_place.
java_place=/usr/share/cassandra/java

no_java=7 # exit status of a fetch that lacks nothing but an old Java

unpacked_java() { echo "$cache/java-$1"; } # unpacked_java 11

host_java() { # host_java 4.0.19: what a host calls its Java
  if [ "$(java_of "$1")" = 17 ]; then java17; else echo "$java_place/java"; fi
}

fetch_java() { # fetch_java 4.0.19
  local major target
  major=$(java_of "$1")
  target=$(unpacked_java "$major")
  if [ "$major" = 17 ] || [ -d "$target" ]; then return 0; fi
  say "fetching Java $major"
  "unpack_java_$major" "$unfinished/java" || { say "Java $major cannot be fetched here" && exit $no_java; }
  # Packages keep what may be set in /etc: links there lead nowhere on a machine that does not have them installed.
  find "$unfinished/java" -type l -lname '/etc/java-*' | while read -r link; do
    ln -sfr "$unfinished/java$(readlink "$link")" "$link"
  done
  chmod -R a+rX "$unfinished/java"
  chmod a+x "$unfinished/java/java"
  mv "$unfinished/java" "$target"
}

unpack_java_11() {
  "$repo/scripts/unpack-debian" bullseye "$1" openjdk-11-jre-headless || return 1
  ln -s "$(cd "$1" && echo usr/lib/jvm/java-11-openjdk-*/bin/java)" "$1/java"
}

# It is in no release any more, only where the next one grows, and so needs a newer C library than Debian 12 has: that is
# unpacked beside it, and the program is told to use it.
unpack_java_8() {
  local java libraries
  "$repo/scripts/unpack-debian" sid "$1" openjdk-8-jre-headless libc6 zlib1g libgcc-s1 libstdc++6 || return 1
  java=$(cd "$1" && echo usr/lib/jvm/java-8-openjdk-*/jre/bin/java)
  libraries=$(cd "$1" && echo usr/lib/*-linux-gnu)
  patchelf --set-interpreter "$java_place/$(cd "$1" && echo "$libraries"/ld-linux-*.so.2)" "$1/$java"
  cat >"$1/java" <<WRAPPER
#!/bin/sh
LD_LIBRARY_PATH=$java_place/$libraries exec $java_place/$java "\$@"
WRAPPER
}

install_packages() { # installs the Debian packages whose tool is missing
  local packages=() pair
  for pair in sshd:openssh-server ssh:openssh-client lzop:lzop sudo:sudo curl:curl unshare:util-linux setpriv:util-linux \
    ps:procps; do
    PATH=$PATH:/usr/sbin:/sbin command -v "${pair%%:*}" >/dev/null || packages+=("${pair#*:}")
  done
  java17 >/dev/null || packages+=(openjdk-17-jre-headless)
  if [ "$(java_of "$1")" = 8 ] && ! command -v patchelf >/dev/null; then packages+=(patchelf); fi
  [ -x "$venv/bin/python" ] || /usr/bin/python3 -c 'import ensurepip' 2>/dev/null || packages+=(python3-venv)
  if ! [ -f "$s3proxy" ] || ! has_driver "$1"; then
    command -v mvn >/dev/null || packages+=(maven)
  fi
  [ ${#packages[@]} -gt 0 ] || return 0
  need_root
  command -v apt-get >/dev/null || die "missing, and there is no apt-get to install them: ${packages[*]}"
  say "installing ${packages[*]}"
  quietly "apt-get update" apt-get update
  DEBIAN_FRONTEND=noninteractive quietly "apt-get install ${packages[*]}" \
    apt-get install -y --no-install-recommends "${packages[@]}"
}

quietly() { # quietly NAME COMMAND...: output only when it fails
  local name=$1 log
  shift
  log=$(mktemp)
  if ! "$@" </dev/null >"$log" 2>&1 8>&- 9>&-; then
    tail -n 15 "$log" >&2
    rm -f "$log"
    die "$name failed, see above"
  fi
  rm -f "$log"
}

maven() { quietly "mvn $1" mvn -B -ntp -Dstyle.color=never "$@"; }

fetch_s3proxy() {
  [ ! -f "$s3proxy" ] || return 0
  say "fetching S3Proxy $s3proxy_version"
  maven dependency:copy "-DoutputDirectory=$unfinished" \
    "-Dartifact=org.gaul:s3proxy:$s3proxy_version:jar:jar-with-dependencies"
  mv "$unfinished/s3proxy-$s3proxy_version-jar-with-dependencies.jar" "$s3proxy"
}

fetch_cassandra() { # fetch_cassandra 5.0.9
  [ ! -d "$(jars_of "$1")" ] || return 0
  local artifact artifacts=(cassandra-all) dependencies=''
  # The server does not start without the classes of the interface that 4.0 has given up.
  case $1 in 3.*) artifacts+=(cassandra-thrift) ;; esac
  for artifact in "${artifacts[@]}"; do
    dependencies+="<dependency><groupId>org.apache.cassandra</groupId><artifactId>$artifact</artifactId><version>$1</version></dependency>"
  done
  say "fetching Cassandra $1"
  cat >"$unfinished/pom.xml" <<POM
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>sstash</groupId><artifactId>sandbox</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>$dependencies</dependencies>
</project>
POM
  maven dependency:copy-dependencies -f "$unfinished/pom.xml" -DincludeScope=runtime "-DoutputDirectory=$unfinished/$1"
  mkdir -p "$cache/cassandra"
  chmod -R a+rX "$unfinished/$1"
  mv "$unfinished/$1" "$(jars_of "$1")"
}

# NodetoolServer.java, for the Cassandra that it is to stand for; a JRE has no compiler of its own.
fetch_nodetool_server() { # fetch_nodetool_server 5.0.9
  local place ecj=3.33.0
  place=$(jars_of "$1")
  # Before 4.1 the class that it calls is made otherwise, and Java is another one.
  if [ "$(java_of "$1")" != 17 ] || [ "$place/org/apache/cassandra/tools" -nt "$parts/NodetoolServer.java" ]; then return 0; fi
  maven dependency:copy "-DoutputDirectory=$unfinished" "-Dartifact=org.eclipse.jdt:ecj:$ecj"
  quietly "compiling NodetoolServer.java" "$(java17)" -jar "$unfinished/ecj-$ecj.jar" -17 -cp "$(echo "$place"/cassandra-all-*.jar)" \
    -d "$unfinished/classes" "$parts/NodetoolServer.java"
  chmod -R a+rX "$unfinished/classes"
  rm -rf "$place/org"
  mv "$unfinished/classes/org" "$place/org"
}

# sstableloader needs it. 5.0 brings it along; in the POMs of others it is optional, though their distributions have it.
fetch_driver() { # fetch_driver 4.1.10
  ! has_driver "$1" || return 0
  local driver=cassandra-driver-core:3.11.0:jar:shaded
  maven dependency:copy "-DoutputDirectory=$unfinished" "-Dartifact=com.datastax.cassandra:$driver"
  chmod a+r "$unfinished"/cassandra-driver-core-*.jar
  mv "$unfinished"/cassandra-driver-core-*.jar "$(jars_of "$1")/"
}

fetch_python() {
  [ ! -x "$venv/bin/python" ] || return 0
  say "fetching cqlsh and the Python driver"
  # Debian's own Python: one from a version manager in somebody's home cannot be run by a host's users.
  quietly "python3 -m venv" /usr/bin/python3 -m venv "$unfinished/venv"
  quietly "pip install" "$unfinished/venv/bin/python" -m pip install cqlsh==6.2.2 cassandra-driver==3.30.1
  # Scripts of a venv name their interpreter by its full path.
  find "$unfinished/venv/bin" -type f -exec sed -i "1s|^#!$unfinished/venv/|#!$venv/|" {} +
  chmod -R a+rX "$unfinished/venv"
  mv "$unfinished/venv" "$venv"
}

need_python() { [ -x "$venv/bin/python" ] || die "no Python environment in $venv. Get it with: scripts/sandbox fetch"; }

fetch() { # fetch VERSION...
  local version
  mkdir -p "$cache"
  exec 8>"$cache/.lock"
  flock 8
  for version in "$@"; do install_packages "$version"; done
  unfinished=$(mktemp -d "$cache/.unfinished-XXXXXX")
  trap 'rm -rf "$unfinished"' EXIT
  fetch_s3proxy
  for version in "$@"; do
    fetch_cassandra "$version"
    fetch_driver "$version"
    fetch_java "$version"
    fetch_nodetool_server "$version"
  done
  fetch_python
  rm -rf "$unfinished"
  trap - EXIT
  exec 8>&-
}
