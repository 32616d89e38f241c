/**
 * A shell function that runs a command as the owner of a data directory, where the shell is root's and the directory is not:
 * with the group of the directory and the other groups that the owner is in. `setpriv` and `runuser` are both in util-linux;
 * either may be missing from an image, and busybox has another `setpriv`, so each is tried first. Not from the home of root,
 * which the owner may not enter: `find` could not come back to it. Where there is no data directory yet there is nothing to
 * follow. It ends the shell that it is called in, or becomes the command: call it in a subshell if more is to come.
 */
export const asOwnerFunctionScript: string = String.raw`as_owner() { # DATA-DIRECTORY COMMAND...
  data=$1; shift; cd / || exit 1
  if [ ! -e "$data" ] || [ "$(id -u)" != 0 ]; then exec "$@"; fi
  ids=$(stat -L -c '%u %g %U' -- "$data") || exit 1
  uid=${'$'}{ids%% *}; ids=${'$'}{ids#* }; gid=${'$'}{ids%% *}; name=${'$'}{ids#* }
  [ "$uid" != 0 ] || exec "$@"
  groups=$(id -G -- "$name" 2>/dev/null | tr ' ' ,)
  ids="--reuid=$uid --regid=$gid --groups=${'$'}{groups:-$gid}"
  # shellcheck disable=SC2086 # three words, of numbers
  ! setpriv $ids -- true 2>/dev/null || exec setpriv $ids -- "$@"
  ! runuser -u "$name" -- true 2>/dev/null || exec runuser -u "$name" -- "$@"
  echo "neither setpriv nor runuser (util-linux) lets root work as $name, who owns $data; log in as $name, or give --sudo-user $name" >&2
  exit 1
}`;
