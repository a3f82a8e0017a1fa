#!/usr/bin/env bash
# All shards of a sweep by GNU parallel, from the checkout:
#
#     docs/many-machines/parallel.sh FOLDER N [options of bench]
#
# PARALLEL holds parallel's own options: one shard at a time here (--jobs 1), for shards that share a card measure each other; or
# --sshlogin HOST1,HOST2 --jobs 1 --workdir . for hosts that see the same checkout.
set -euo pipefail
folder=$1 count=$2
shift 2
export PARALLEL="${PARALLEL:---jobs 1}"
seq "$count" | parallel --line-buffer --tag --quote docs/many-machines/shard.sh "$folder" {} "$count" "$@"
