#!/bin/sh
# The database of a BizTalk group dies, against winlab: every host falls. That is one cause and not many failures: one alarm says so, what was
# declared in `needs` is named, nothing acts, an order is refused; when it is back, all is well without us.
set -eu
# shellcheck source=tests/lab/windows.sh
. "$(dirname "$0")/../lab/windows.sh"
windows_secrets
windows_config 'BizTalkFTP: {mode: confirm, needs: [sql], settle: 5s}, BizTalkPOP3: {mode: confirm, needs: [sql], settle: 5s}' >"$config"
cat >>"$config" <<'END'
servers:
  sql: {type: tcp, address: 127.0.0.9, port: 1433, every: 1s, timeout: 900ms, fall: 2}
END
two_roles | sed 's/heartbeat: 1s/heartbeat: 1s, sql_dies: 300ms/; s/depends: \[FTP-name\]}/depends: [FTP-name], restart_action: restart}/' >"$home/scenario.yaml"
winlab start "$home/scenario.yaml" >/dev/null

database=''
database_up() {
    /usr/bin/python3 -m http.server --bind 127.0.0.9 1433 >/dev/null 2>&1 </dev/null &
    database=$!
}
end_all() {
    [ -z "$database" ] || kill "$database" 2>/dev/null || true
    end_windows
}
trap end_all EXIT
database_up
start_agent
expect 15 'the database answers' row server sql '.state == "up"'
expect 15 'all is well' owner_is BizTalkFTP BTS01
expect 15 'both roles' owner_is BizTalkPOP3 BTS01

lab sql-down
kill "$database"
wait "$database" 2>/dev/null || true
expect 10 'the database is down' alarm endpoint:sql active
expect 75 'one role runs nowhere' row group biztalk/BizTalkPOP3 '.wrong == "none"'
expect 75 'the other one neither' row group biztalk/BizTalkFTP '.wrong == "none"'
expect 10 'one cause' alarm common-cause:agent active
must 'which names the roles and the server that is down' row alarm common-cause:agent \
    '(.text | contains("BizTalkFTP")) and (.text | contains("BizTalkPOP3")) and (.text | contains("down: sql"))'
must 'explain says what speaks against acting' exits 0 explain BizTalkPOP3
must 'the cause' told 'closed: causes *something that it depends on does not answer'
must 'and that all fell at once' told 'closed: not-common'
must_not 'no plan was made' remembers 'planned'
must 'an order is refused' exits 1 failover BizTalkPOP3 --reason trial

database_up
lab sql-up
lab online BizTalkPOP3
lab online BizTalkFTP
expect 10 'the database is back' alarm endpoint:sql cleared
expect 30 'the roles run again' row group biztalk/BizTalkPOP3 '.wrong != "none"'
expect 30 'both' row group biztalk/BizTalkFTP '.wrong != "none"'
expect 75 'the common cause is over' alarm common-cause:agent cleared
must 'nothing was ordered' changed 0
stop_agent
agent=''
echo "$seen expectations were seen"
