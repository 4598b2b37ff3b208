#!/bin/sh
# One resource of a project, in a container and as a plain process alike: `start` runs it, `dump` and `restore` move its data.
# $KIND: postgres or redis. $DATA: its folder, in which a database is made whole or not at all. $BIND and $PORT: where it listens.
# $PROGRAMS: where Postgres' programs are, when they are not to be looked for. $PASSWORD comes by the environment, since a command line can be read by others. $AS: what steps down from root, if anything.
set -eu
umask 077

programs() {
  bin=${PROGRAMS:-}
  [ -z "$bin" ] || return 0
  if [ -e "$DATA/postgres/PG_VERSION" ]; then
    version=$(cat "$DATA/postgres/PG_VERSION")
  else
    version=$(ls /usr/lib/postgresql | sort -V | tail -n 1)
  fi
  bin=/usr/lib/postgresql/$version/bin
  [ -x "$bin/postgres" ] || { echo "the data is of Postgres $version, and that version is not installed" >&2; exit 1; }
}

# One statement a line, to a server that nobody can reach; a statement that fails is not written to the log.
# They come as a here-document: behind a pipe the shell of PID 1 would be the server's grandparent, and the lock file that a
# killed server of an earlier container left names PID 1. Postgres takes a lock of its own parent for a dead one's, no other's.
alone() {
  $AS "$bin/postgres" --single -D "$1" -c log_min_error_statement=panic -c log_checkpoints=off postgres >/dev/null
}

make_database() {
  rm -rf "$DATA/new"
  $AS "$bin/initdb" -D "$DATA/new" -U slipway -E UTF8 --locale=C.UTF-8 --auth=reject --no-instructions $SYNC >/dev/null
  # The superuser has no way in: only the app's role, only to its database, only from the network that this is on.
  echo "host app app samenet scram-sha-256" >"$DATA/new/pg_hba.conf"
  alone "$DATA/new" <<END
CREATE ROLE app LOGIN
CREATE DATABASE app OWNER app
END
  mv "$DATA/new" "$DATA/postgres"
}

start_postgres() {
  if [ "$SCRATCH" = yes ]; then SYNC=--no-sync fsync=off; else SYNC='' fsync=on; fi
  programs
  [ -e "$DATA/postgres" ] || make_database
  alone "$DATA/postgres" <<END
ALTER ROLE app PASSWORD '$PASSWORD'
END
  unset PASSWORD
  exec $AS "$bin/postgres" -D "$DATA/postgres" -c listen_addresses="$BIND" -c port="$PORT" -c unix_socket_directories= \
    -c fsync=$fsync -c shared_buffers=32MB -c max_connections=60 -c max_parallel_workers_per_gather=0 \
    -c min_wal_size=32MB -c max_wal_size=128MB -c log_checkpoints=off
}

start_redis() {
  if [ "$SCRATCH" = yes ]; then keep=no; else keep=yes; fi
  mkdir -p "$DATA/redis"
  exec "${REDIS:-redis-server}" - <<END
bind $BIND
port $PORT
protected-mode no
requirepass $PASSWORD
dir $DATA/redis
appendonly $keep
save ""
maxmemory ${MEMORY_MB}mb
maxmemory-policy noeviction
END
}

# Where to is said by libpq's own variables.
dump() {
  programs
  exec "$bin/pg_dump" --format=custom --no-owner --no-privileges
}

# Programs of Postgres 17 and newer begin by setting what an older server does not know.
for_any_version() {
  sed "1,20s/^SET transaction_timeout = 0;\$/SELECT pg_catalog.set_config(name, '0', false) FROM pg_catalog.pg_settings WHERE name = 'transaction_timeout';/"
}

# In one transaction: whoever looks sees the old data or the new, and an interruption leaves the old.
restore() {
  programs
  {
    echo "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = current_user AND pid <> pg_backend_pid();"
    echo "SET lock_timeout = '60s'; BEGIN; DROP OWNED BY CURRENT_USER CASCADE;"
    "$bin/pg_restore" --no-owner --no-privileges --file=- && printf '%s\n' 'COMMIT;' '\echo restored'
  } | for_any_version | "$bin/psql" --no-psqlrc --quiet --output=/dev/null --set=ON_ERROR_STOP=1
}

case $1 in
  start) "start_$KIND" ;;
  dump | restore) "$1" ;;
esac
