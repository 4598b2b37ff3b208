"""What a container's shell runs around each command: how it is begun, and how it is killed."""

# The first line read makes sure that no output comes before we listen. It is a word that the command never sees: by it an
# out-of-memory kill is told. `timeout` is for the case that we die: else the deadline is ours. The counter of the kernel's
# kills is read with builtins only, since a full worker cannot fork.
LAUNCH = """
read -r secret
count() {
  kills=0
  for file in /sys/fs/cgroup/memory.events /sys/fs/cgroup/memory/memory.oom_control; do
    [ -r $file ] && while read -r key value; do [ "$key" = oom_kill ] && kills=$value; done <$file
  done
}
room=9
for folder in /sys/fs/cgroup /sys/fs/cgroup/pids; do
  [ -r $folder/pids.max ] && read -r max <$folder/pids.max && read -r now <$folder/pids.current && room=$((max - now))
done
[ $room -gt 4 ] || { printf %s "${secret}full" >&2; exit 1; }
count; before=$kills; seconds=$1; shift
cd -- "$0" || exit 126
timeout -k 5 "$seconds" "$@"
code=$?
count; [ "$kills" = "$before" ] || printf %s "${secret}kill" >&2
exit $code
"""

KILL = """
for round in 1 2 3; do
  for process in /proc/[0-9]*; do
    grep -qszxF "$0" $process/environ && kill -s KILL ${process#/proc/}
  done
done 2>/dev/null
exit 0
"""
