#!/usr/bin/env bash
# The bare way: what a delivery of the demo does to the world, as a plain script. Two rounds, as the recorded session has them.
# usage: delivery.sh WORK_FOLDER SCAFFOLD_TREE ROUND1_TREE ROUND2_TREE BASE_IMAGE NAME
# Prints one line a step on stdout: seconds and name. Leaves the container NAME, the network NAME and the images NAME:1, NAME:2.
set -euo pipefail
work=$1 scaffold=$2 first=$3 second=$4 base=$5 name=$6
export DOCKER_BUILDKIT=0 # the builder behind the engine's API, which Slipway uses too

hardened=(--cap-drop ALL --security-opt no-new-privileges:true --init --user 10001)
tester=("${hardened[@]}" --memory 2048m --memory-swap 2048m --cpus 2 --pids-limit 512)
app=("${hardened[@]}" --memory 512m --memory-swap 512m --cpus 1 --pids-limit 256)

last=$EPOCHREALTIME
step() { # what: say how long it took since the step before
    local now=$EPOCHREALTIME
    echo "$(((${now/./} - ${last/./}) / 1000)) $1"
    last=$now
}
commit() { # tree, message
    cp -a "$1/." . && echo "$name" >.project && git add --all && git commit --quiet --message "$2" && git push --quiet origin HEAD:main
}
round() { # tree, number: commit it, build it from a clean clone, run its tests without network
    commit "$1" "round $2"
    git clone --quiet "$work/$name.git" "$work/clone-$2"
    step "git $2"
    docker build --quiet --memory 2048m --memory-swap 2048m --build-arg "BASE_IMAGE=$base" --label "$name=" --tag "$name:$2" \
        "$work/clone-$2" >/dev/null 2>&1
    step "build $2"
    mkdir -p "$work/reports-$2" && chmod 777 "$work/reports-$2"
    local code=0
    docker run --rm --network none "${tester[@]}" --env REPORTS_DIR=/reports --env CI=true --volume "$work/reports-$2:/reports" \
        "$name:$2" sh -c 'python -m pytest -q -p no:cacheprovider --junitxml="$REPORTS_DIR/junit.xml"' >/dev/null || code=$?
    step "test $2"
    return $code
}

git init --quiet --bare --initial-branch=main "$work/$name.git"
git clone --quiet "$work/$name.git" "$work/tree" 2>/dev/null
cd "$work/tree"
git config user.name shell && git config user.email shell@localhost
commit "$scaffold" scaffold

round "$first" 1 && { echo "round 1 was to fail" >&2; exit 1; }
round "$second" 2
docker network create "$name" >/dev/null
docker run --detach --name "$name" --network "$name" "${app[@]}" --read-only --tmpfs /tmp --tmpfs /data:uid=10001 \
    --env PORT=8000 --env DATA_DIR=/data "$name:2" >/dev/null
address=$(docker inspect --format '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' "$name")
for _ in $(seq 300); do
    if curl --silent --fail --output /dev/null "http://$address:8000/health"; then
        step start
        exit 0
    fi
    sleep 0.1
done
echo "$name never became healthy" >&2
exit 1
