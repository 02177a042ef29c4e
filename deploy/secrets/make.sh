#!/bin/sh
# Makes the secrets that are missing, beside this script. Never changes one that is there: remove a file to have a new one made.
#
# Containers run as several users and must read the files, so these are readable by all; the folder is closed to everybody else.
set -eu
umask 077
cd "$(dirname "$0")"
chmod 700 .

random() { LC_ALL=C tr -dc 'A-Za-z0-9' </dev/urandom | head -c 40; }

# No line end: Kafka takes a file's content as it is.
secret() {
    if [ ! -s "$1" ]; then
        random >"$1.new"
        chmod 444 "$1.new"
        mv "$1.new" "$1"
        echo "made $1"
    fi
}

for user in broker admin orders inspections logistics replies cooperative lag audit gateway notify; do secret "kafka_${user}_password"; done
for user in weftline grafana watch gateway notify; do secret "clickhouse_${user}_password"; done
secret clickhouse_cluster_secret
secret grafana_admin_password
# By which links in messages open a factory's inbox: the dispatcher makes them, the gateway checks them. Secrets of webhooks that partners
# register are made of it as well: with another key all of them change at once.
secret link_key
# With which the gateway signs (Ed25519, PEM). Without openssl it stays empty: put one in that `weftline publisher key new` made.
if [ ! -e gateway_key ]; then
    if command -v openssl >/dev/null; then openssl genpkey -algorithm ed25519 >gateway_key.new 2>/dev/null; else : >gateway_key.new; fi
    chmod 444 gateway_key.new
    mv gateway_key.new gateway_key
    echo "made gateway_key"
fi
# Of the application in WeCom that sends alerts: put it in here, if there is one.
[ -e wecom_api_secret ] || : >wecom_api_secret
chmod 444 wecom_api_secret

# ClickHouse is given hashes alone, in the form that its configuration includes.
hash() { printf '%s' "$(cat "clickhouse_$1_password")" | sha256sum | cut -d ' ' -f 1; }
cat >clickhouse.xml.new <<XML
<clickhouse>
    <weftline_password_sha256>$(hash weftline)</weftline_password_sha256>
    <grafana_password_sha256>$(hash grafana)</grafana_password_sha256>
    <gateway_password_sha256>$(hash gateway)</gateway_password_sha256>
    <notify_password_sha256>$(hash notify)</notify_password_sha256>
    <watch_password_sha256>$(hash watch)</watch_password_sha256>
    <cluster_secret>$(cat clickhouse_cluster_secret)</cluster_secret>
</clickhouse>
XML
chmod 444 clickhouse.xml.new
mv -f clickhouse.xml.new clickhouse.xml
