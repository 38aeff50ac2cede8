# Stands where the tool of your choice would be: terraform apply, cdk deploy,
# kubectl apply. Like these it may be run again, and comes to the same result
# for the same input. It needs a POSIX shell and nothing else.
set -eu

# One node, three or nine.
case $SIZE in
small) nodes=1 ;;
medium) nodes=3 ;;
large) nodes=9 ;;
esac

# The same name always gets the same number, as a real tool finds what it made
# before by the name it gave it.
rest=$NAME number=0
while [ -n "$rest" ]; do
	first=${rest%"${rest#?}"} rest=${rest#?}
	number=$(((number * 31 + $(printf %d "'$first")) % 1000000007))
done
network=net-$number

echo "network $network: $CIDR"
node=1
while [ "$node" -le "$nodes" ]; do
	echo "node $node of $nodes: ready"
	node=$((node + 1))
done

endpoint=http://$DOMAIN
echo "load balancer: listens on port $PORT, answers at $endpoint"

# Outputs are handed back in this file; services in this environment read them
# as environment.outputs.NetworkId and so on. Values are text.
printf '[
  {"key": "NetworkId", "valueString": "%s"},
  {"key": "Nodes", "valueString": "%s"},
  {"key": "Endpoint", "valueString": "%s"}
]
' "$network" "$nodes" "$endpoint" >proton-outputs.json
