/** What a shell does with its language, by what it is about. The first parameter is a directory, the others are words. */
export const shellTexts: Readonly<Record<string, string>> = {
  'fields and quotes': String.raw`x=' a  b '; printf '<%s>' $x "$x" a$x"b c"$x; printf '[%s]' "$@"; printf '{%s}' $@; printf '(%s)' "$*" "a$*b" "$@z"; IFS=:; y=a::b:; printf '|%s' $y; printf '|%s' $x`,
  'no parameters': String.raw`set --; printf '<%s>' "$@" x; printf '<%s>' "$*" ""; for i; do echo $i; done; echo $#; printf '<%s>' "a$@"`,
  'what is put for parameters': String.raw`u=; v=val; echo "${'$'}{u:-dflt} ${'$'}{u-dflt} ${'$'}{w:-d e} ${'$'}{w-x} ${'$'}{v:+set} ${'$'}{u:+set} ${'$'}{u+set} ${'$'}{v#v} ${'$'}{v%l} ${'$'}{#v} ${'$'}{w:=new} $w"; p=/a/b/c; echo "${'$'}{p##*/} ${'$'}{p%/*} ${'$'}{p#/*/} ${'$'}{p%%/*}|${'$'}{p#"/a"}"; n=; printf '<%s>' ${'$'}{v:+"two words"} ${'$'}{n:+"two words"} "${'$'}{v:+"$v"}"`,
  'patterns that are quoted': String.raw`s='a*b'; case $s in 'a*'?) echo lit ;; esac; q='*'; case abc in "$q") echo no ;; $q) echo any ;; esac; x=a.b.c; echo "${'$'}{x%.*} ${'$'}{x%"*"} ${'$'}{x##*.}"; case - in [!a-z]) echo notletter ;; esac; case 7 in *[!0-9]*) echo no ;; *) echo num ;; esac`,
  arithmetic: String.raw`a=7; echo $((a + 2 * 3)) $((a / 2)) $((a % 4)) $((-a)) $(( (a + 1) * 2 )) $((a > 3 && a < 9)) $((a == 7 ? 10 : 20)) $((010)) $(($a - 1)) "$((a-1))"`,
  'conditions and loops': String.raw`i=0; while [ $i -lt 5 ]; do i=$((i + 1)); [ $i = 2 ] && continue; [ $i = 4 ] && break; echo $i; done; until [ $i = 0 ]; do i=$((i - 1)); done; echo $i; for a in x y; do for b in 1 2; do [ $b = 2 ] && continue 2; echo $a$b; done; done; if false; then echo a; elif true; then echo b; else echo c; fi; false || true && echo and; ! true; echo $?; ! false && echo not`,
  'functions and returns': String.raw`f() { echo "f:$1:$#"; return 3; echo never; }; f a b; echo $?; g() { f "$@" && echo no; x=changed; }; x=1; g q; echo $x $?; h() ( exit 4 ); h; echo $?; r() { for i in 1 2; do [ $i = 2 ] && return 9; done; }; r; echo $?; echo "$1"`,
  'subshells keep to themselves': String.raw`x=1; (x=2; echo $x); echo $x; (cd "$1/sub" && pwd); pwd; { x=3; }; echo $x; echo 1 | { read y; echo "got $y"; }; echo "${'$'}{y-unset}"; (exit 5); echo $?; $(exit 6); echo $?; z=$(exit 7); echo $?`,
  redirections: String.raw`cd "$1"; echo one >out; echo two >>out; cat <out; { echo a; echo b >&2; } 2>err >out2; cat err out2; exec 3>three; echo x >&3; exec 3>&-; cat three; cat <<END; x=5
here $1 $(echo sub) \$x
END
cat <<'END'
lit $1
END
{ echo e >&2; } 2>&1 | cat; exec 4<out; read a <&4; read b <&4; echo "$b $a"; exec 4<&-; echo fine 5>five >&5; ls`,
  'redirections that fail': String.raw`cat <"$1/nothing"; echo "s $?"; echo x >"$1/no/such"; echo "s $?"; { echo y; } >"$1/sub"; echo "s $?"; f() { echo z; }; f <"$1/gone"; echo "s $?"; : >"$1/no/such"; echo not reached`,
  'what is not overwritten': String.raw`cd "$1"; set -C; echo x >'a file'; echo $?; echo y >new; echo $?; echo z >|new; cat new; ln -s nowhere dang; (: >dang); echo $?; echo q >link; echo $?; echo n >/dev/null; echo $?; set +C; echo w >new; cat new`,
  'names of files': String.raw`cd "$1"; echo *; echo sub/* sub/.[!.]* none* .*; echo "$1"/*/; echo "*" \* s[a-z]b l?nk */it*; x='*'; echo $x "$x"; set -f; echo *; set +f; for f in "$1"/s*/*; do echo "$f"; done`,
  'end by a signal, and traps': String.raw`trap 'echo bye' EXIT; trap 'echo term; exit 7' TERM; kill -TERM $$; echo never`,
  'traps in the background': String.raw`trap 'echo caught' TERM; sleep 5 & p=$!; (sleep 0.2; kill -TERM $$) & wait $p; echo "w $?"; kill $p; wait $p; echo "k $?"; trap - TERM; sh -c 'kill -9 $$'; echo $?; wait 99999; echo $?`,
  'ignored signals': String.raw`trap '' TERM; sh -c 'kill -TERM $$; echo alive'; kill -TERM $$; echo here; trap - TERM; (trap 'echo sub' EXIT; echo in); sh -c 'trap "echo x" EXIT; exec echo y'`,
  'errors and exit': String.raw`set -e; false || echo ok; if false; then :; fi; ! true; f() { false; echo inside; }; f || echo f; (set +e; false; echo sub); x=$(false) || echo x; false; echo never`,
  'unset is an error': String.raw`set -u; echo "${'$'}{a:-ok}" "$#"; echo "$nothing"; echo never`,
  'reading lines': String.raw`printf 'a b  c \n  lead\\x\nlast' >"$1/in"; while read -r one rest; do echo "<$one|$rest>"; done <"$1/in"; echo "<$one>"; while IFS= read -r l; do echo "<$l>"; done <"$1/in"; printf 'k\t1\t\t2\n' | { IFS=$(printf '\t') read -r a b c; echo "$a.$b.$c"; }; printf 'x:y:z' | { IFS=: read -r a b; echo "$a $b $?"; }`,
  printf: String.raw`printf '%s-%d-%x-%04X-%5s|%-5s|%03d%%\n' a 12 255 10 r l 7; printf '%s\n' a b c; printf 'x\ty\101\0z\n' | od -c >/dev/null; printf '%b|' 'a\tb\0101\\n' 'c\cd' e; printf '\n%s %s\n' only; printf '\036%s' x; printf %s; printf '%d\n' abc; echo $?`,
  echo: String.raw`echo -n a; echo 'b\tc\\d'; echo "e\0101"; echo; echo a  b; echo 'x\cy' z; echo -e q`,
  'tests of files': String.raw`cd "$1"; for f in 'a file' sub link nothing sub/.hidden "sub/it's" /dev/null; do for t in -e -f -d -L -h -s -r -w -x -O -p -u; do [ $t "$f" ] && printf '%s ' $t; done; echo "$f"; done; [ link -ef sub ] && echo same; [ sub -ef . ] || echo other; [ a = a -a b = b ] && echo both; [ ! -e x ] && [ -n x ] && [ -z '' ] && [ x ] && ! [ '' ] && [ ] || [ 1 -eq 01 ] && echo numbers; [ x -eq 1 ]; echo $?; test; echo $?`,
  'where it is': String.raw`cd "$1/link" && pwd && pwd -P; cd .. && pwd; cd -P "$1/link/" && pwd; cd "$1/link/.." && pwd; cd nothing; echo $?; cd "$1/a file"; echo $?; cd -- "$1" && pwd; umask; umask 027; umask; touch new; mkdir d; : >e`,
  'what a name is': String.raw`f() { :; }; command -v f cat printf nothing; command -v nothing; echo $?; command -v cat >/dev/null && echo found; command -v -- sh >/dev/null; echo $?; nothing; echo $?; "$1"; echo $?; "$1/a file"; echo $?; command echo hi`,
  'eval and dot': String.raw`x='echo "a  b"; y=1'; eval "$x"; echo $y; echo 'z=7; return 3' >"$1/lib"; . "$1/lib"; echo $? $z; eval ''; echo $?; eval 'set -- p q'; echo $#`,
  exec: String.raw`(exec echo replaced; echo never); (exec nothing-there; echo never); echo $?; x=$(exec printf 'a b'); echo "$x"; sh -c 'exec sh -c "echo \$0 \$#" name a b'; A=1 B=2 sh -c 'echo $A$B'; A=5; echo "${'$'}{B-unset}"; export A; sh -c 'echo $A'; unset A; sh -c 'echo "${'$'}{A-none}"'`,
  pipelines: String.raw`printf 'b\na\nc\n' | sort | head -n 2; true | false; echo $?; false | true; echo $?; yes_() { while :; do echo y || return; done; }; yes_ | head -n 1; echo a | { cat; echo b; } | tr ab xy; echo x | (read v; echo "$v$v"); seq_=$(for i in 1 2 3; do echo $i; done | tail -n 1); echo $seq_`,
  'the last process': String.raw`sleep 0.01 & p=$!; [ -n "$p" ] && wait "$p"; echo $?; (exit 3) & wait $!; echo $?; { sleep 0.05; echo late; } & echo early; wait; echo done; cat & wait $!; echo "in $?"`,
  'shift and set': String.raw`shift; echo $# "$1"; set -- a 'b c' d; echo "$2"; shift 2; echo "$1"; set -- "$@" e; echo $#; x=-; case $x in -) echo dash ;; esac; set -- -x; echo $1; shift; shift; echo never`,
  case: String.raw`for w in abc '' a.b 'x y' -n; do case $w in '') echo empty ;; a*c | *y) echo one ;; *.*) echo dot ;; (-*) echo opt ;; esac; done; case x in y) false ;; esac; echo $?; case a in a) ;; esac; echo $?`,
  'awk that counts and writes': String.raw`cd "$1"; printf 'a\t1.5\nb\t2\na\t3\n' | F=$1/new awk -F '\t' -v x=7 '{ seen[$1] += $2; if (!($1 in had)) n++; had[$1] } $2 > 1.7 { print $1, $2 >>ENVIRON["F"]; next } { print "small " $1 } END { for (k in seen) printf "%s %.0f %d %d\n", k, seen[k], seen[k], 1234567890 - x; print n, (("z") in seen), (n > 1) }' | sort; cat new`,
  'a lock by the name of a file': String.raw`cd "$1"; flock -n lock echo made; echo $?; ls lock; exec 9<lock; flock 9; flock -n lock echo never; echo $?; flock -u 9; flock -n lock sh -c 'exit 7'; echo $?; flock -n none/lock true; echo $?`,
  'what a background job is redirected to': String.raw`cd "$1"; { echo out; echo err >&2; } >both 2>&1 & wait $!; cat both; { echo never; } >none/there & wait $!; echo $?; x=$({ sleep 0.2; } >/dev/null & echo at once); echo "$x"`,
};
