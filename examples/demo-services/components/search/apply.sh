# Stands where the tool that makes a search index would be.
set -eu

echo "search index of $INSTANCE in $NETWORK: ready"

printf '[{"key": "SearchUrl", "valueString": "http://search.%s.test"}]\n' "$INSTANCE" >proton-outputs.json
