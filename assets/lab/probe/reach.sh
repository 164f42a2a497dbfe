# Run by the probe pod as `bash -c THIS probe HOST PORT HOST PORT ...`: a line for each address, `reached` or
# `missed` with the reason. A pod's network may be a moment behind the pod, so each is tried three times.
reach() {
    local code why
    for _ in 1 2 3; do
        why=$(timeout 5 bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$1" "$2" 2>&1) && { echo "reached $1:$2"; return; }
        code=$?
        [ "$code" = 124 ] && why="no answer within 5 s"
        sleep 1
    done
    echo "missed $1:$2 ${why##*: }"
}
while [ $# -ge 2 ]; do
    reach "$1" "$2" &
    shift 2
done
wait
