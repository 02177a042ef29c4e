#!/usr/bin/env bash
# Starts Kafka in the image apache/kafka. Formats the storage before the first start, with the two users that must be there before
# anybody can log in: broker (the nodes themselves) and admin, who makes all others (`weftline access`). The image's own start-up
# formats too, but has no way to give a user.
set -euo pipefail

config=${KAFKA_CONFIG:-/etc/weftline/kafka/server.properties}
secrets=${KAFKA_SECRETS:-/run/secrets}
bin=${KAFKA_BIN:-/opt/kafka/bin}

# The passwords go to the formatting tool in a file of arguments that java itself reads (java @file): whatever stands in the arguments of
# a process, everybody on the host can read.
arguments=$(mktemp)
trap 'rm -f "$arguments"' EXIT
user() { printf '"SCRAM-SHA-512=[name=%s,password=%s]"' "$1" "$(sed 's/[\\"]/\\&/g' "$secrets/kafka_$1_password")"; }
{
    printf 'kafka.tools.StorageTool format --ignore-formatted --cluster-id "%s" --config "%s"\n' "$CLUSTER_ID" "$config"
    printf -- '--add-scram %s\n--add-scram %s\n' "$(user broker)" "$(user admin)"
} >"$arguments"
"$bin/kafka-run-class.sh" "@$arguments" >/dev/null
rm -f "$arguments"
trap - EXIT

exec "$bin/kafka-server-start.sh" "$config"
