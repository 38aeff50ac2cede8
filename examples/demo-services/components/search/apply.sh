# Stands where the tool that makes a search index would be.
set -eu

echo "search index of $INSTANCE in $NETWORK: ready"

cat >proton-outputs.json <<END
[{"key": "SearchUrl", "valueString": "http://search.$INSTANCE.test"}]
END
