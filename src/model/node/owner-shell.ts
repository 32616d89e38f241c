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
 * `owner_way DATA-DIRECTORY` prints the words that, in front of a command, have root run it as the owner of the directory: in the
 * directory's group where the owner is in it, and in the owner's other groups. No words where this shell is not root's, where there is
 * no such directory, or where it is root's own: then nobody else may have had a say in which directory it is, or a link that somebody
 * planted would have root work in one of root's. `setpriv` and `runuser` are both in util-linux; either may be missing from an
 * image, and busybox has another `setpriv`, so each is tried.
 *
 * `as_owner DATA-DIRECTORY COMMAND...` becomes the command: call it in a subshell if more is to come. It leaves the home of
 * root, which the owner may not enter: `find` could not come back to it.
 */
export const asOwnerFunctionScript: string = String.raw`${trustedWayFunctionScript}
owner_way() { # DATA-DIRECTORY
  if [ ! -e "$1" ] || [ "$(id -u)" != 0 ]; then return 0; fi
  ids=$(stat -L -c '%u %g %U' -- "$1") || return 1
  uid=${'$'}{ids%% *}; ids=${'$'}{ids#* }; gid=${'$'}{ids%% *}; name=${'$'}{ids#* }
  if [ "$uid" = 0 ]; then
    found=$(trusted_way "$1" 0 && cd -P -- "$1" && trusted_way "$(pwd -P)" 0) && return 0
    echo "$1 belongs to root, and others have a say in which directory that is, by $found" >&2; return 1
  fi
  groups=$(id -G -- "$name" 2>/dev/null | tr ' ' ,)
  case ",$groups," in ,, | *",$gid,"*) ;; *) gid=$(id -g -- "$name") || return 1 ;; esac
  for way in "setpriv --reuid=$uid --regid=$gid --groups=${'$'}{groups:-$gid} --" "runuser -u $name --" "sudo -n -u #$uid --"; do
    # shellcheck disable=SC2086 # words of numbers and a name
    if [ "$($way id -u 2>/dev/null)" = "$uid" ]; then echo "$way"; return 0; fi
  done
  echo "root cannot work as $name, who owns $1: there is neither setpriv nor runuser (util-linux), and sudo does not do it either" >&2
  return 1
}
as_owner() { # DATA-DIRECTORY COMMAND...
  data=$1; shift; cd / || exit 1
  way=$(owner_way "$data") || exit 1
  # shellcheck disable=SC2086 # the words of owner_way
  exec $way "$@"
}`;
