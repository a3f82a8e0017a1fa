#!/usr/bin/env bash
# Runs one shard of a sweep, or goes on with it where it has begun:
#
#     shard.sh FOLDER I N [options of bench]
#
# leaves its report in FOLDER/I. DENO names another program than `deno`, as in DENO="npx --yes deno@2.9.6".
set -euo pipefail
folder=$1 index=$2 count=$3
shift 3
read -ra deno <<<"${DENO:-deno}"
if [ -s "$folder/$index/results.jsonl" ]; then
  exec "${deno[@]}" task bench --resume "$folder/$index"
fi
exec "${deno[@]}" task bench "$@" --shard "$index/$count" --out "$folder/$index"
