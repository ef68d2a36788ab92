#!/bin/sh
# In docker's place: `docker run` with a root, a network, processes and an environment of its own.
# Where a machine permits no namespaces there is only the environment, and no --network none.
shift  # run
network= mounts= names=
while :; do
    case $1 in
        --rm) shift ;;
        --user) shift 2 ;;
        --network) network=$2; shift 2 ;;
        -v) mounts=$2; shift 2 ;;
        -e) case $2 in *=*) names="$names $2" ;; *) names="$names $2=$(printenv "$2")" ;; esac; shift 2 ;;
        *) break ;;
    esac
done
shift  # IMAGE
alone=; [ "$network" = none ] && alone=n
if ! unshare "-rmpf$alone" true 2>/dev/null; then
    [ -z "$alone" ] || exit 125
    exec env -i PATH="$PATH" $names "$@"
fi
root=$(mktemp -d)
exec unshare "-rmpf$alone" sh -c '
    root=$1 mounts=$2 alone=$3 place=$PWD; shift 3
    mount -t tmpfs none "$root"
    for name in /*; do
        if [ -d "$name" ] && [ ! -L "$name" ]; then mkdir "$root$name"; mount --rbind "$name" "$root$name"
        elif [ -L "$name" ]; then cp -P "$name" "$root$name"; fi
    done
    if [ -n "$mounts" ]; then touch "$root${mounts#*:}"; mount --bind "${mounts%%:*}" "$root${mounts#*:}"; fi
    [ -z "$alone" ] || ip link set lo up
    cd "$place"
    exec chroot "$root" "$@"
' sh "$root" "$mounts" "$alone" env -i PATH="$PATH" $names sh -c 'cd '"$PWD"' && exec "$@"' sh "$@"
