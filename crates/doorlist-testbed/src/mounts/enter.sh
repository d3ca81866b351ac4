# enter.sh WORK [PLACE FOLDER]... -- PROGRAM [ARGUMENT]...
# Shows each FOLDER, which may be a file, at its PLACE, in this mount namespace, and becomes PROGRAM.
set -eu
work=$1
shift

# A PLACE that does not exist needs a name in the folder above, which is the machine's and stays as it is: what is seen
# there is a folder of links to the machine's entries, with one more.
add() {
    above=$(dirname "$1")
    machine=$work/machine$above
    with_more=$work/with-more$above
    mkdir -p "$machine" "$with_more"
    mount --rbind "$above" "$machine"
    for entry in "$machine"/*; do ln -s "$entry" "$with_more/"; done
    mount --bind "$with_more" "$above"
    if [ -d "$2" ]; then mkdir "$1"; else : > "$1"; fi
}

while [ "$1" != -- ]; do
    if [ ! -e "$1" ]; then add "$1" "$2"; fi
    mount --bind "$2" "$1"
    shift 2
done
shift
exec "$@"
