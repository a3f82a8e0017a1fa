#!/usr/bin/env bash
# A Slurm array, a task for each shard. From the checkout, which every node must see:
#
#     sbatch --array=1-4 docs/many-machines/slurm.sh FOLDER [options of bench]
#
# On cards add --gres=gpu:1. A task that was preempted goes on when it is requeued.
#SBATCH --job-name=headroom
#SBATCH --requeue
set -euo pipefail
cd "$SLURM_SUBMIT_DIR"
folder=$1
shift
docs/many-machines/shard.sh "$folder" "$SLURM_ARRAY_TASK_ID" "$SLURM_ARRAY_TASK_COUNT" "$@"
