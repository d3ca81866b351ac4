# deliver.sh MAILDIR RECIPIENT [SENDER] <message
# Keeps a message with its envelope on top.
set -eu
part=$(mktemp -p "$1/tmp")
{ printf 'Return-Path: <%s>\nEnvelope-To: %s\n' "${3:-}" "$2"; cat; } >"$part"
mv "$part" "$1/new/"
