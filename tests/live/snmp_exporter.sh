#!/bin/sh
# Prometheus' snmp_exporter with the template that we ship: v3 and v2c, states as words, names as labels.
set -eu
# shellcheck source=tests/lab/snmp.sh
. "$(dirname "$0")/../lab/snmp.sh"
at=127.0.0.1:17195
web=127.0.0.1:17196
configure "  listen: udp:$at
  allow_v2c: true
  community_file: community
  users: {nms: {level: authPriv, auth: SHA-256, auth_file: auth.pw, priv: AES, priv_file: priv.pw}}"
sed 's/CHANGE-ME-authentication/lab auth pass/; s/CHANGE-ME-privacy/lab priv pass/; s/CHANGE-ME/public/' \
    "$top/conf/templates/snmp_exporter.yml" >"$LAB_DIR/snmp.yml"
start_feed 1
tell rows 12
prometheus-snmp-exporter --config.file="$LAB_DIR/snmp.yml" --web.listen-address=$web >"$LAB_DIR/exporter.out" 2>&1 8>&- &
manager=$!
scrape() { curl -fs "http://$web/snmp?module=$1&target=$at" >"$LAB_DIR/scraped.$1"; }
for module in solowarden solowarden_v2c; do
    expect 15 "$module: a scrape" scrape $module
    same "$module: groups" 12 "$(grep -c '^solowardenGroupState{.*} 1$' "$LAB_DIR/scraped.$module")"
    must "$module: names as labels" grep -q '^solowardenGroupState{name="pollers/group0".*solowardenGroupState="unknown"} 1' "$LAB_DIR/scraped.$module"
    must "$module: modes as words" grep -q '^solowardenGroupMode{.*solowardenGroupMode="confirm"} 1' "$LAB_DIR/scraped.$module"
    must "$module: counters" grep -q '^solowardenProbeRuns{name="pollers/probe3".*} 1.000003e+06' "$LAB_DIR/scraped.$module"
    must "$module: scalars" grep -q '^solowardenAgentActiveAlarms ' "$LAB_DIR/scraped.$module"
done
stop_feed
echo "$seen expectations were seen"
