#!/bin/sh
# Stands in for clang while V8 is built (written by `cargo xtask v8 --from-source`).
# V8's build files are made for a clang of Chromium's, newer than Debian's: flags that
# ours does not know are dropped. Objects that spend nearly all their time parsing the
# same headers get these precompiled; one whose own flags or includes do not agree with
# that is compiled the plain way instead.
compiler=@COMPILER@
headers=@HEADERS@

previous= output=
for argument do
    shift
    case $argument in
    -fdiagnostics-show-inlining-chain | -fno-lifetime-dse | -fsanitize-ignore-for-ubsan-feature=*) continue ;;
    esac
    [ "$previous" = -o ] && output=$argument
    previous=$argument
    set -- "$@" "$argument"
done

case $output in
obj/v8/torque_generated_initializers/*.o | obj/v8/v8_initializers/*.o) group=builtins ;;
obj/v8/v8_base_without_compiler/*.o | obj/v8/v8_compiler/*.o) group=runtime ;;
obj/v8/torque_generated_definitions/*.o) group=runtime ;;
*) group= ;;
esac

# -w: nobody reads the warnings of V8's own sources here, and looking for them takes time.
if [ -n "$group" ] && [ -f "$headers/$group.pch" ]; then
    "$compiler" -include-pch "$headers/$group.pch" "$@" -w 2>/dev/null && exit 0
    echo "$output" >>"$headers/retried"
fi
exec "$compiler" "$@" -w
