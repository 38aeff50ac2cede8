# Stands where the tool that deploys a service would be.
set -eu

echo "$INSTANCE: $COUNT running, answers at $URL"

cat >proton-outputs.json <<END
[
  {"key": "Url", "valueString": "$URL"},
  {"key": "Running", "valueString": "$COUNT"}
]
END
