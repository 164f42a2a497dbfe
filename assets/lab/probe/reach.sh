# Run by the probe pod as `bash -c THIS probe KIND ADDRESS PORT HOST PATH STATUS ...`: a line for each address,
# `reached` or `missed` with the reason. A connection alone proves little, since proxies take any: a MySQL server
# greets (the fifth byte is its protocol, 10), and a web server answers `GET PATH` for HOST with STATUS.
# A pod's network may be a moment behind the pod, so each is tried three times.
speak() {
    exec 3<>"/dev/tcp/$2/$3" || exit 1
    case $1 in
        mysql)
            [ "$(head -c 5 <&3 | tail -c 1 | od -An -tx1 | tr -d ' ')" = 0a ] && exit 0
            echo "it does not greet as a MySQL server does" ;;
        http)
            printf 'GET %s HTTP/1.0\r\nHost: %s\r\n\r\n' "$5" "$4" >&3
            read -r _ status _ <&3
            [ "$status" = "$6" ] && exit 0
            echo "GET $5 for $4 is answered ${status:-nothing}, not $6" ;;
    esac
    exit 1
}
export -f speak
reach() {
    local code why
    for _ in 1 2 3; do
        why=$(timeout 5 bash -c 'speak "$@"' speak "$@" 2>&1) && { echo "reached $2:$3"; return; }
        code=$?
        [ "$code" = 124 ] && why="no answer within 5 s"
        sleep 1
    done
    # bash names itself and the place before its reason, and says it twice.
    why=${why%%$'\n'*}
    echo "missed $2:$3 ${why##*: }"
}
while [ $# -ge 6 ]; do
    reach "${@:1:6}" &
    shift 6
done
wait
