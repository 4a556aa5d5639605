#!/usr/bin/env bash
# The page of metrics of examples/observed_server, as Prometheus' own tool judges it. Exit 77, with the reason, where
# that is not installed (scripts/setup --peers).
#
# usage: promtool.sh OBSERVED_SERVER
set -euo pipefail

command -v promtool >/dev/null || { echo "skipped: promtool is not installed"; exit 77; }
page=$("$1" 2>/dev/null)
for name in rondo_eventloop_turns_total http_server_request_duration_seconds_count \
  http_client_phase_duration_seconds_count process_open_fds; do
  grep -q "^$name" <<<"$page" || { echo "no $name on the page"; exit 1; }
done
promtool check metrics <<<"$page"
echo "promtool has nothing to say of $(grep -c '^# TYPE' <<<"$page") metrics"
