#!/usr/bin/env bash
# A Slurm cluster of this one machine, on loopback, for trying out and for tests: munged, slurmctld and slurmd with
# everything that they write in one folder. No accounting, no cgroups, no root needed.
#
#   scripts/slurm-node.sh start FOLDER [CPUS]   prints the line to put into the environment: export SLURM_CONF=…
#   scripts/slurm-node.sh stop FOLDER           ends the daemons that this folder knows of, and their jobs
set -euo pipefail

usage() {
    sed -n '2,7p' "$0" >&2
    exit 64
}

[ $# -ge 2 ] || usage
action=$1
mkdir -p "$2"
folder=$(cd "$2" && pwd)
export SLURM_CONF=$folder/slurm.conf
PATH=$PATH:/usr/sbin:/sbin

free_port() {
    local port
    for _ in $(seq 100); do
        port=$((20000 + RANDOM % 20000))
        if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
            echo "$port"
            return
        fi
    done
    echo "No free port between 20000 and 40000." >&2
    exit 1
}

wait_for() { # SECONDS WHAT COMMAND…
    local seconds=$1 what=$2
    shift 2
    for _ in $(seq $((seconds * 10))); do
        if "$@" >/dev/null 2>&1; then return; fi
        sleep 0.1
    done
    echo "$what didn't come up within $seconds seconds. The end of its logs:" >&2
    tail --lines=5 "$folder"/*.log >&2 || true
    exit 1
}

is_ready() { sinfo --noheader --format=%T | grep -qx -e idle -e mixed -e allocated; }

start() {
    local user host cpus=$1
    for program in munged slurmctld slurmd sbatch; do
        command -v "$program" >/dev/null || {
            echo "$program isn't here. On Debian: apt-get install munge slurmctld slurmd slurm-client" >&2
            exit 69
        }
    done
    user=$(id -un)
    host=$(hostname -s)
    # munged wants folders that others can't write to, and a key that others can't read.
    chmod 755 "$folder"
    mkdir -p "$folder/state" "$folder/spool" "$folder/munge"
    (umask 077 && head -c 1024 /dev/urandom >"$folder/munge/key")
    munged --force --socket="$folder/munge/socket" --key-file="$folder/munge/key" --num-threads=2 \
        --pid-file="$folder/munge/pid" --log-file="$folder/munge.log" --seed-file="$folder/munge/seed"
    wait_for 10 munged munge -n -S "$folder/munge/socket"
    cat >"$SLURM_CONF" <<CONF
ClusterName=loopback
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$(free_port)
SlurmdPort=$(free_port)
SlurmUser=$user
SlurmdUser=$user
AuthType=auth/munge
AuthInfo=socket=$folder/munge/socket
CredType=cred/munge
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerType=sched/backfill
SchedulerParameters=bf_interval=1,sched_interval=1
ReturnToService=2
SwitchType=switch/none
SlurmdParameters=config_overrides
MpiDefault=none
MinJobAge=300
KillWait=30
NodeName=$host NodeAddr=127.0.0.1 CPUs=$cpus State=UNKNOWN
PartitionName=main Nodes=$host Default=YES MaxTime=INFINITE State=UP
CONF
    slurmctld
    slurmd
    wait_for 30 Slurm is_ready
    echo "export SLURM_CONF=$SLURM_CONF"
}

# Ends a daemon by the process id that it wrote, and waits until it is gone.
end() { # FILE
    local pid
    pid=$(cat "$1" 2>/dev/null) || return 0
    kill "$pid" 2>/dev/null || return 0
    for _ in $(seq 100); do
        kill -0 "$pid" 2>/dev/null || return 0
        sleep 0.1
    done
    kill -9 "$pid" 2>/dev/null || true
}

stop() {
    if [ -e "$folder/slurmctld.pid" ]; then timeout 10 scancel --user="$(id -un)" 2>/dev/null || true; fi
    end "$folder/slurmd.pid"
    end "$folder/slurmctld.pid"
    end "$folder/munge/pid"
}

case $action in
start) start "${3:-$(nproc)}" ;;
stop) stop ;;
*) usage ;;
esac
