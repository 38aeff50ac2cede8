# Stands where the tool that deploys a service would be.
set -eu

# An error of a real tool, as the log of the deployment shows it.
room=$((NODES * 4))
if [ "$COUNT" -gt "$room" ]; then
	echo "$INSTANCE: $COUNT processes do not fit on $NODES node(s), which hold $room" >&2
	exit 1
fi

echo "$INSTANCE: $COUNT running, answers at $URL"

printf '[
  {"key": "Url", "valueString": "%s"},
  {"key": "Running", "valueString": "%s"}
]
' "$URL" "$COUNT" >proton-outputs.json
