/**
 * Shell functions by which root does work on files as the user whom they belong to. They run on nodes, and stand in the commands
 * that people run by themselves.
 */

/**
 * `trusted_way PATH USER-ID`: ends well when nobody but root and that user can have another file or directory be found under the
 * path: each directory and link on the way belongs to one of them, and no directory may be written by anybody unless it is sticky.
 * Prints what is otherwise. For a path with links ask of it and of what `pwd -P` says in it. Who may write by his group was let
 * in by root or by the owner.
 */
export const trustedWayFunctionScript: string = String.raw`trusted_way() { # PATH USER-ID
  way=$1
  while :; do
    case $(stat -c '%u %A' -- "$way") in
      "0 l"* | "$2 l"* | "0 d"???????-? | "0 d"????????[tT] | "$2 d"???????-? | "$2 d"????????[tT]) ;;
      *) printf '%s' "$way"; return 1 ;;
    esac
    [ "$way" != / ] || return 0
    way=${'$'}{way%/*}; [ -n "$way" ] || way=/
  done
}`;

/**
 * `owner_way USER-ID` prints the words that, in front of a command, have root run it as that user, in his groups. No words where this
 * shell is not root's, or the user is root. Who it is has been found out before, once, together with who has a say in it: a question for
 * the owner of a directory would be answered by whoever can put another one in its place at that moment. `setpriv` and `runuser` are both in
 * util-linux; either may be missing from an image, and busybox has another `setpriv`, so each is tried.
 *
 * `as_owner USER-ID COMMAND...` becomes the command: call it in a subshell if more is to come. It leaves the home of
 * root, which the user may not enter: `find` could not come back to it.
 */
export const asOwnerFunctionScript: string = String.raw`owner_way() { # USER-ID
  case $1 in '' | *[!0-9]*) echo 'whose the data are is not known' >&2; return 1 ;; esac
  if [ "$(id -u)" != 0 ] || [ "$1" = 0 ]; then return 0; fi
  name=$(getent passwd "$1" 2>/dev/null | cut -d: -f1); [ -n "$name" ] || name=$(awk -F: -v id="$1" '$3 == id { print $1; exit }' /etc/passwd)
  gid=$1; groups=--clear-groups
  if [ -n "$name" ]; then gid=$(id -g -- "$name") && groups=--groups=$(id -G -- "$name" | tr ' ' ,) || return 1; fi
  for way in "setpriv --reuid=$1 --regid=$gid $groups --" ${'$'}{name:+"runuser -u $name --"} "sudo -n -u #$1 --"; do
    # shellcheck disable=SC2086 # words of numbers and a name
    if [ "$($way id -u 2>/dev/null)" = "$1" ]; then echo "$way"; return 0; fi
  done
  echo "root cannot work as ${'$'}{name:-user $1}, who owns the data: there is neither setpriv nor runuser (util-linux), and sudo does not do it either" >&2
  return 1
}
as_owner() { # USER-ID COMMAND...
  who=$1; shift; cd / || exit 1
  way=$(owner_way "$who") || exit 1
  # shellcheck disable=SC2086 # the words of owner_way
  exec $way "$@"
}`;
