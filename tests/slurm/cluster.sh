#!/bin/bash
# tests/slurm/cluster.sh COMMAND...: runs the command on a Slurm cluster of two hosts, n1 and n2, that exists for as long as the
# command runs: Debian's slurm-wlm with one slurmd in a network and host-name namespace each, on a bridge of this machine.
# As root. Status 77: it cannot be made here (no namespaces, no Slurm); the reason is on standard output.
set -euo pipefail

hosts=(n1 n2)
export LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin

cannot() {
    printf 'no Slurm cluster here: %s\n' "$1"
    exit 77
}

if [[ ${1:-} != --inside ]]; then
    [[ $(id -u) == 0 ]] || cannot 'it takes root'
    for program in slurmctld slurmd munged ip unshare; do
        command -v "$program" >/dev/null || cannot "there is no $program"
    done
    unshare --mount --pid --net --uts --fork --kill-child --mount-proc true 2>/dev/null ||
        cannot 'this container may not make namespaces'
    exec unshare --mount --pid --net --uts --fork --kill-child --mount-proc "$0" --inside "$@"
fi
shift

# ---- folders of its own for all that daemons keep ----
mount --make-rprivate /
hostname control
for folder in /run /etc/slurm /etc/munge /var/log /var/lib/munge /var/spool /dev/shm; do
    mkdir -p "$folder"
    mount -t tmpfs -o mode=755 tmpfs "$folder"
done
chmod 1777 /dev/shm
mkdir -p /run/munge /run/netns /var/log/munge /var/spool/slurmctld

# ---- the network: without any address but the loopback's, Slurm finds no host ----
names=$(mktemp)
printf '127.0.0.1 localhost\n10.97.0.1 control\n' >"$names"
ip link set lo up
ip link add bridge0 type bridge 2>/dev/null || cannot 'this kernel has no network bridges'
ip addr add 10.97.0.1/24 dev bridge0
ip link set bridge0 up
for i in "${!hosts[@]}"; do
    host=${hosts[i]} address=10.97.0.$((i + 11))
    printf '%s %s\n' "$address" "$host" >>"$names"
    ip netns add "$host"
    ip link add "link-$host" type veth peer name eth0 netns "$host"
    ip link set "link-$host" master bridge0 up
    ip -n "$host" link set lo up
    ip -n "$host" addr add "$address/24" dev eth0
    ip -n "$host" link set eth0 up
done
chmod 644 "$names"
mount --bind "$names" /etc/hosts

# ---- the daemons ----
head -c 1024 /dev/urandom >/etc/munge/munge.key
chown -R munge:munge /run/munge /var/log/munge /var/lib/munge /etc/munge
chmod 400 /etc/munge/munge.key
chmod 700 /etc/munge /var/lib/munge
runuser -u munge -- munged || cannot 'munged does not start'

# slurmd looks for control groups and gives up where they are not mounted, unless told which to expect.
echo 'CgroupPlugin=cgroup/v1' >/etc/slurm/cgroup.conf
{
    cat <<'CONF'
ClusterName=test
SlurmctldHost=control(10.97.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
StateSaveLocation=/var/spool/slurmctld
SlurmdSpoolDir=/var/spool/slurmd.%n
SlurmctldPidFile=/run/slurmctld.pid
SlurmdPidFile=/run/slurmd.%n.pid
SlurmctldLogFile=/var/log/slurmctld.log
SlurmdLogFile=/var/log/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SlurmdParameters=config_overrides
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
MpiDefault=none
ReturnToService=2
SlurmdTimeout=10
KillWait=5
InactiveLimit=0
SchedulerParameters=batch_sched_delay=0,sched_interval=1,sched_min_interval=0
JobRequeue=1
JobCompType=jobcomp/none
AccountingStorageType=accounting_storage/none
CONF
    for i in "${!hosts[@]}"; do
        printf 'NodeName=%s NodeHostname=%s NodeAddr=10.97.0.%d CPUs=4 RealMemory=4000 State=UNKNOWN\n' \
            "${hosts[i]}" "${hosts[i]}" $((i + 11))
    done
    echo 'PartitionName=test Nodes=ALL Default=YES MaxTime=INFINITE State=UP'
} >/etc/slurm/slurm.conf
slurmctld
for host in "${hosts[@]}"; do
    mkdir -p "/var/spool/slurmd.$host"
    ip netns exec "$host" unshare --uts sh -c "hostname $host && exec slurmd -N $host"
done
for _ in $(seq 60); do
    [[ $(sinfo -h -o %T 2>/dev/null | sort -u) == idle ]] && break
    sleep 0.5
done
[[ $(sinfo -h -o %T | sort -u) == idle ]] || {
    tail -n 20 /var/log/slurm*.log
    cannot 'the hosts do not come up'
}
"$@"
