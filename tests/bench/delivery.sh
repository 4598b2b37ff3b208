#!/usr/bin/env bash
# The bare way: what a delivery of the demo does to the world, as a plain script. Two rounds, as the recorded session has them.
# usage: delivery.sh WORK_FOLDER ROUND1_TREE ROUND2_TREE BASE_IMAGE NAME
set -euo pipefail
work=$1 first=$2 second=$3 base=$4 name=$5

git init --quiet --bare --initial-branch=main "$work/$name.git"
git clone --quiet "$work/$name.git" "$work/tree" 2>/dev/null
cd "$work/tree"
git config user.name shell && git config user.email shell@localhost

round() { # tree, number: commit it, build from a clean clone, run the tests without network
    cp -a "$1/." . && git add -A && git commit --quiet -m "round $2" && git push --quiet origin HEAD:main
    git clone --quiet "$work/$name.git" "$work/clone-$2"
    docker build --quiet --build-arg "BASE_IMAGE=$base" --tag "$name:$2" "$work/clone-$2" >/dev/null
    mkdir -p "$work/reports-$2" && chmod 777 "$work/reports-$2"
    docker run --rm --network none --user 10001 --env REPORTS_DIR=/reports --volume "$work/reports-$2:/reports" "$name:$2" \
        sh -c 'python -m pytest -q -p no:cacheprovider --junitxml="$REPORTS_DIR/junit.xml"' >/dev/null
}

round "$first" 1 && { echo "round 1 was to fail"; exit 1; }
round "$second" 2
docker network create "$name" >/dev/null
docker run --detach --name "$name" --network "$name" --user 10001 --read-only --tmpfs /tmp --tmpfs /data:uid=10001 \
    --env PORT=8000 --env DATA_DIR=/data "$name:2" >/dev/null
address=$(docker inspect --format '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' "$name")
for _ in $(seq 300); do
    curl --silent --fail --output /dev/null "http://$address:8000/health" && exit 0
    sleep 0.1
done
echo "$name never became healthy"
exit 1
