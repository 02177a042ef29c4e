#!/bin/sh
# Starts Alertmanager with alertmanager.yml, in which addresses and secrets were put in their places:
#
#   start.sh prometheus-alertmanager --storage.path=/var/lib/alertmanager
#
# Each NAME is the environment's variable NAME, else the content of the file that NAME_FILE names (a mounted secret). None is required;
# what is not given is left out.
#   PAGE_WEBHOOK ESCALATION_WEBHOOK TICKET_WEBHOOK   URLs that get Alertmanager's JSON
#   HEARTBEAT_WEBHOOK                                URL of the dead man's switch, asked once a minute
#   WECOM_CORP_ID WECOM_API_SECRET WECOM_AGENT_ID    the application in WeCom that sends
#   WECOM_ON_CALL_PARTY WECOM_ESCALATION_PARTY       departments that get pages, and pages that nobody took
#   WECOM_API_URL                                    https://qyapi.weixin.qq.com/cgi-bin/ unless given
# The result lies in RENDERED, by default in /tmp, readable by this user only.
set -eu
umask 077
here=$(cd "$(dirname "$0")" && pwd)
folder=${RENDERED:-${TMPDIR:-/tmp}/weftline-alertmanager}

for name in PAGE_WEBHOOK ESCALATION_WEBHOOK TICKET_WEBHOOK HEARTBEAT_WEBHOOK WECOM_CORP_ID WECOM_API_SECRET WECOM_AGENT_ID \
    WECOM_ON_CALL_PARTY WECOM_ESCALATION_PARTY WECOM_API_URL; do
    eval "value=\${$name:-} file=\${${name}_FILE:-}"
    if [ -z "$value" ] && [ -n "$file" ]; then
        value=$(cat "$file")
    fi
    export "$name=$value"
done
WECOM_API_URL=${WECOM_API_URL:-https://qyapi.weixin.qq.com/cgi-bin/}
WECOM_ESCALATION_PARTY=${WECOM_ESCALATION_PARTY:-$WECOM_ON_CALL_PARTY}

if [ -n "$WECOM_CORP_ID" ]; then
    for name in WECOM_API_SECRET WECOM_AGENT_ID WECOM_ON_CALL_PARTY; do
        eval "value=\$$name"
        if [ -z "$value" ]; then
            echo "start.sh: WECOM_CORP_ID is given, so $name (or ${name}_FILE) must be too" >&2
            exit 1
        fi
    done
fi
if [ -z "$PAGE_WEBHOOK$WECOM_CORP_ID" ]; then
    echo "start.sh: careful: neither PAGE_WEBHOOK nor WECOM_CORP_ID is given, so nobody will be paged" >&2
fi
if [ -z "$HEARTBEAT_WEBHOOK" ]; then
    echo "start.sh: careful: HEARTBEAT_WEBHOOK is not given, so nobody will notice when alerting itself dies" >&2
fi

mkdir -p "$folder"
cp "$here/weftline.tmpl" "$folder/"
# Replaced as plain text: a secret may hold what sed takes for a pattern. In YAML's single quotes a quote is written twice.
awk '
    function put(line, token, value,    at) {
        gsub(/\047/, "\047\047", value)
        at = index(line, token)
        return at ? substr(line, 1, at - 1) value substr(line, at + length(token)) : line
    }
    BEGIN { kept = 1 }
    $1 == "#" && $2 == "if" { kept = ENVIRON[$3] != ""; next }
    $1 == "#" && $2 == "end" { kept = 1; next }
    kept && match($0, /\$\{[A-Z_]+\}/) { $0 = put($0, substr($0, RSTART, RLENGTH), ENVIRON[substr($0, RSTART + 2, RLENGTH - 3)]) }
    kept && match($0, /http:\/\/[A-Z_]+\.invalid/) { $0 = put($0, substr($0, RSTART, RLENGTH), ENVIRON[substr($0, RSTART + 7, RLENGTH - 15)]) }
    kept
' "$here/alertmanager.yml" >"$folder/alertmanager.yml"

for name in WECOM_API_SECRET PAGE_WEBHOOK ESCALATION_WEBHOOK TICKET_WEBHOOK HEARTBEAT_WEBHOOK; do
    unset "$name"
done
exec "$@" --config.file="$folder/alertmanager.yml"
