#!/usr/bin/env bash
# Starts Kafka in the image apache/kafka. Formats the storage before the first start, with the two users that must be there before
# anybody can log in: broker (the nodes themselves) and admin, who makes all others (`weftline access`). The image's own start-up
# formats too, but has no way to give a user.
set -euo pipefail

config=${KAFKA_CONFIG:-/etc/weftline/kafka/server.properties}
secrets=${KAFKA_SECRETS:-/run/secrets}
bin=${KAFKA_BIN:-/opt/kafka/bin}

user() { printf 'SCRAM-SHA-512=[name=%s,password=%s]' "$1" "$(<"$secrets/kafka_$1_password")"; }

"$bin/kafka-storage.sh" format --ignore-formatted --cluster-id "$CLUSTER_ID" --config "$config" \
    --add-scram "$(user broker)" --add-scram "$(user admin)" >/dev/null

exec "$bin/kafka-server-start.sh" "$config"
