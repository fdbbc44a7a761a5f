#!/bin/bash -l
# All stages of k/l, written by d3llm launch slurm.
# No token is handed on: jobs read the file that `hf auth login` writes (HF_HOME/token, HF_TOKEN_PATH).
#SBATCH --job-name=one@k/l
#SBATCH --partition=cpu
#SBATCH --account=p1
#SBATCH --time=12:00:00
#SBATCH --cpus-per-task=8
#SBATCH --output=/dev/null
#SBATCH --open-mode=append
#SBATCH --requeue
#SBATCH --signal=B:USR1@120
#SBATCH --constraint=avx512

mkdir -p -- /scratch/me/logs || exit 3
exec >>/scratch/me/logs/one.txt 2>&1
echo "Job ${SLURM_ARRAY_JOB_ID:-$SLURM_JOB_ID} on $(hostname), start ${SLURM_RESTART_COUNT:-0}"
cd -- /scratch/me || exit 3
module load gcc/13 openmpi || exit 69
export OMP_NUM_THREADS=1
export NOTE='it'\''s'
srun --mpi=pmix --cpus-per-task=8 apptainer exec '/images/my image.sif' /opt/d3llm run /scratch/me/experiment.json --store /scratch/me/store --allow-code-execution --threads "$SLURM_CPUS_PER_TASK" --no-forecast &
child=$!
# The queue sends USR1 to this shell alone, 120 seconds before the time limit. SIGTERM, when a job is
# cancelled or preempted, it sends to all processes itself, and a second one would end d3llm at once.
late=0
trap 'late=1; kill -TERM "$child"' USR1
trap : TERM
wait "$child"
while kill -0 "$child" 2>/dev/null; do wait "$child"; done
wait "$child"
code=$?
# 130: it has saved what it has and would go on.
if [ "$late" = 1 ] && [ "$code" = 130 ] && [ "${SLURM_RESTART_COUNT:-0}" -lt 20 ]; then
    scontrol requeue "$SLURM_JOB_ID" && sleep 60
fi
exit "$code"
