#!/bin/sh
# Reports an alert without any code of Deskwire: amqp-publish is in Debian's package amqp-tools.
# amqp-publish cannot set user-id, so the desk takes the actor from `source`.
# Run: AMQP_URI=amqp://... ./report_alert.sh "Disk full on db1"
set -eu

title=${1:-"Disk full on db1"}
id=$(cat /proc/sys/kernel/random/uuid)
now=$(date -u +%Y-%m-%dT%H:%M:%SZ)

amqp-publish --url="$AMQP_URI" --exchange=itsm.intake --routing-key=alert.firing --persistent \
    --content-type=application/cloudevents+json --body='{
  "specversion": "1.0",
  "id": "'"$id"'",
  "source": "/examples/shell",
  "type": "alert.firing",
  "time": "'"$now"'",
  "datacontenttype": "application/json",
  "data": {"dedup_key": "db1:disk-full", "title": "'"$title"'", "severity": "error", "service": "billing"}
}'
echo "published $id"
